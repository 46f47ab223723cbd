// Seconds a step of DP-SGD against a plain step of SGD on the same batch: forward, backward, noise, optimizer. The two
// take turns, so that the load of the machine is the same for both; the ratio is the median over the turns.
//
//   archleak_bench_dp_sgd_step [batch threads turns]
#include <torch/torch.h>

#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "bench/timing.h"
#include "core/arena.h"
#include "core/optimizer.h"
#include "core/random.h"
#include "core/torch_random.h"
#include "defenses/clipped_gradient.h"
#include "defenses/update_transform.h"
#include "models/registry.h"

namespace archleak {
namespace {

void compare(const std::string& name, ExampleShape shape, int64_t batch, int turns) {
  const auto network = models::make_network(name, shape, 10, make_torch_generator({.purpose = "weights"}));
  network->set_generator(make_torch_generator({.purpose = "network"}));
  network->train();
  Arena arena = Arena::adopt(*network);
  Optimizer optimizer({.lr = 1e-3, .momentum = 0.9}, arena.layout().weights);
  const auto generator = make_torch_generator({.purpose = "images"});
  const auto images =
      torch::randn({batch, shape.channels, shape.height, shape.width}, generator, torch::TensorOptions());
  const auto labels = torch::arange(batch) % 10;
  RandomEngine noise = make_engine({.purpose = "noise"});
  const auto update = [&] {
    optimizer.step(arena.segment(Segment::weights), arena.gradient(Segment::weights));
    arena.gradients().zero_();
  };
  const auto plain = [&] {
    torch::cross_entropy_loss(network->forward(images), labels).backward();
    update();
  };
  const auto private_step = [&] {
    defenses::add_clipped_gradients(
        [&] { return torch::cross_entropy_loss(network->forward(images), labels, {}, at::Reduction::None); },
        network->parameters(), 1);
    const torch::Tensor gradient = arena.gradient(Segment::weights);
    defenses::add_gaussian_noise({gradient.data_ptr<float>(), static_cast<size_t>(gradient.numel())}, 1, noise);
    gradient.div_(static_cast<double>(batch));
    update();
  };
  std::vector<double> plain_s, private_s, ratios;
  for (int turn = -1; turn < turns; ++turn) {  // the first is a warm-up
    const double a = seconds(plain), b = seconds(private_step);
    if (turn < 0) continue;
    plain_s.push_back(a);
    private_s.push_back(b);
    ratios.push_back(b / a);
  }
  std::printf("%-12s %8ld weights: SGD %6.1f ms, DP-SGD %6.1f ms, ratio %.2f\n", name.c_str(), arena.layout().weights,
              1e3 * median(plain_s), 1e3 * median(private_s), median(ratios));
}

}  // namespace
}  // namespace archleak

int main(int argc, char** argv) {
  const auto argument = [&](int i, int64_t otherwise) { return argc > i ? std::atoll(argv[i]) : otherwise; };
  const int64_t batch = argument(1, 64);
  torch::set_num_threads(static_cast<int>(argument(2, 1)));
  const int turns = static_cast<int>(argument(3, 21));
  std::printf("batch %ld, %d threads, medians of %d turns\n", batch, torch::get_num_threads(), turns);
  archleak::compare("cnn", {1, 28, 28}, batch, turns);
  archleak::compare("cnn", {3, 32, 32}, batch, turns);
  archleak::compare("alexnet", {3, 32, 32}, batch, turns);
  archleak::compare("column_fc", {1, 1, 600}, batch, turns);
}
