// Seconds for a depthwise convolution forward and backward against torch::conv2d with the same stride and dilation, on
// the same images; the two take turns, and the ratio is the median over the turns. The limit beside it is what reading
// and writing the images once takes, at the rate of a copy of the same run.
//
//   archleak_bench_depthwise_convolution [batch threads turns]
#include <torch/torch.h>

#include <cstdio>
#include <cstdlib>
#include <vector>

#include "bench/timing.h"
#include "models/depthwise_convolution.h"

namespace archleak {
namespace {

void compare(int64_t batch, int64_t channels, int64_t side, int64_t kernel, int64_t stride, int64_t dilation,
             int turns) {
  const auto images =
      torch::randn({batch, channels, side, side}).contiguous(torch::MemoryFormat::ChannelsLast).requires_grad_();
  const auto weight = torch::randn({channels, 1, kernel, kernel}, torch::requires_grad());
  const int64_t padding = dilation * (kernel - 1) / 2;
  const auto pass = [&](const torch::Tensor& output) { output.backward(torch::ones_like(output)); };
  std::vector<double> theirs, ours, ratios, copies;
  for (int turn = -1; turn < turns; ++turn) {  // the first is a warm-up
    const double a = seconds([&] {
      pass(torch::conv2d(images, weight, {}, {stride, stride}, {padding, padding}, {dilation, dilation}, channels));
    });
    const double b = seconds([&] { pass(models::depthwise_convolution(images, weight, stride, dilation)); });
    const double c = seconds([&] { images.detach().clone(); });
    if (turn < 0) continue;
    theirs.push_back(a);
    ours.push_back(b);
    ratios.push_back(a / b);
    copies.push_back(2 * c);  // forward reads and writes, backward reads and writes
  }
  std::printf(
      "%2ld channels %2ldx%2ld, kernel %ld, stride %ld, dilation %ld: conv2d %6.2f ms, ours %6.2f ms, %5.1f times "
      "quicker; two copies %5.2f ms\n",
      channels, side, side, kernel, stride, dilation, 1e3 * median(theirs), 1e3 * median(ours), median(ratios),
      1e3 * median(copies));
}

}  // namespace
}  // namespace archleak

int main(int argc, char** argv) {
  const auto argument = [&](int i, int64_t otherwise) { return argc > i ? std::atoll(argv[i]) : otherwise; };
  const int64_t batch = argument(1, 32);
  torch::set_num_threads(static_cast<int>(argument(2, 1)));
  const int turns = static_cast<int>(argument(3, 21));
  std::printf("batch %ld, %d threads, medians of %d turns\n", batch, torch::get_num_threads(), turns);
  for (const int64_t kernel : {3, 5}) {
    archleak::compare(batch, 16, 28, kernel, 2, 2, turns);
    archleak::compare(batch, 32, 14, kernel, 2, 2, turns);
  }
  archleak::compare(batch, 16, 28, 5, 2, 1, turns);
}
