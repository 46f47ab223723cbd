// Seconds a DARTS search step (alpha gradient on one batch, weight gradient on another), against the same supernet run
// the way a plain implementation runs it: NCHW, one library call and one ReLU for each operation.
//
//   archleak_bench_search_step [channels layers batch image_size threads repeats]
#include <torch/torch.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <vector>

#include "core/torch_random.h"
#include "nas/architect.h"

namespace archleak::nas {
namespace {

// What one step takes at least.
struct Bound {
  double gflop = 0;
  double gigabytes = 0;  // every operation's output written once and read once forward and once backward
};

Bound bound(const SpaceOptions& options, int64_t batch, int64_t size) {
  Bound bound;
  double channels = options.channels, pixels = static_cast<double>(size * size);
  for (int64_t layer = 0; layer < options.layers; ++layer) {
    if (layer == options.layers / 3 || layer == 2 * options.layers / 3) channels *= 2, pixels /= 4;
    const double values = batch * channels * pixels * options.steps * (options.steps + 3) / 2;
    const double multiply_adds = values * (2 * (9 + 25) + 9 + 25 + 6 * channels);
    bound.gflop += 2e-9 * multiply_adds * (2 + 3);  // forward and input gradient twice, weight gradient once
    bound.gigabytes += 1e-9 * values * sizeof(float) * 8 * 3 * 2;
  }
  return bound;
}

double seconds_a_step(SpaceOptions options, Execution execution, int64_t batch, int64_t size, int repeats) {
  options.execution = execution;
  const auto network = make_search_network(options, {3, size, size}, 10, make_torch_generator({.purpose = "weights"}));
  Arena arena = Arena::adopt(*network, [&](const auto& name) { return network->is_alpha(name); });
  const auto generator = make_torch_generator({.purpose = "images"});
  const Batch images{torch::randn({batch, 3, size, size}, generator, torch::TensorOptions()),
                     torch::arange(batch) % 10};
  double best = 1e30;
  for (int i = 0; i <= repeats; ++i) {  // the first is a warm-up
    const std::clock_t cpu = std::clock();
    const auto start = std::chrono::steady_clock::now();
    architecture_gradient(*network, arena, images, images, {});
    const auto half = std::chrono::steady_clock::now();
    weight_gradient(*network, arena, images);
    const auto end = std::chrono::steady_clock::now();
    const double alpha = std::chrono::duration<double>(half - start).count();
    const double weights = std::chrono::duration<double>(end - half).count();
    const double cpu_seconds = static_cast<double>(std::clock() - cpu) / CLOCKS_PER_SEC;
    std::printf("  alpha %.2f s, weights %.2f s (all threads together %.2f s of CPU)\n", alpha, weights, cpu_seconds);
    std::fflush(stdout);
    if (i > 0 || repeats == 0) best = std::min(best, alpha + weights);
  }
  return best;
}

}  // namespace
}  // namespace archleak::nas

int main(int argc, char** argv) {
  using namespace archleak::nas;
  const auto argument = [&](int i, int64_t otherwise) { return argc > i ? std::atoll(argv[i]) : otherwise; };
  const SpaceOptions options{.channels = argument(1, 16), .layers = argument(2, 8)};
  const int64_t batch = argument(3, 64), size = argument(4, 32);
  torch::set_num_threads(static_cast<int>(argument(5, 2)));
  const int repeats = static_cast<int>(argument(6, 2));

  const Bound least = bound(options, batch, size);
  std::printf("C=%ld, %ld layers, batch %ld, %ldx%ld, %d threads: at least %.0f GFLOP, %.1f GB\n", options.channels,
              options.layers, batch, size, size, torch::get_num_threads(), least.gflop, least.gigabytes);
  const std::vector<std::pair<const char*, Execution>> executions{
      {"fused", Execution::fused}, {"plain, channels_last", Execution::plain}, {"reference", Execution::reference}};
  std::vector<double> seconds;
  for (const auto& [name, execution] : executions) {
    std::printf("%s\n", name);
    seconds.push_back(seconds_a_step(options, execution, batch, size, execution == Execution::fused ? repeats : 0));
  }
  for (size_t i = 0; i < seconds.size(); ++i) {
    std::printf("%-22s %7.2f s a step, %5.1f GFLOP/s, %5.2f times the reference's speed\n", executions[i].first,
                seconds[i], least.gflop / seconds[i], seconds.back() / seconds[i]);
  }
}
