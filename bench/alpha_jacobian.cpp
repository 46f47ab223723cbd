// Seconds for the differential of a graph's alpha gradient along all pixels, and for a whole iteration of
// Levenberg-Marquardt with it, against what a plain implementation does for the differential: one gradient by automatic
// differentiation for each pixel (forward differences), of which a few are timed.
//
//   archleak_bench_alpha_jacobian [cells channels side threads repeats]
#include <torch/torch.h>

#include <cstdio>
#include <cstdlib>

#include "attacks/reconstruction/alpha_jacobian.h"
#include "attacks/reconstruction/levenberg_marquardt.h"
#include "bench/timing.h"
#include "core/torch_random.h"

namespace archleak::attacks {
namespace {

constexpr int64_t kDifferences = 16;

void gradient(nas::DagNetwork& network, const torch::Tensor& image) {
  const auto loss = torch::nn::functional::cross_entropy(network.forward(image), torch::tensor({3}));
  const auto parameters = network.named_parameters();
  torch::autograd::grad({loss}, {parameters["alphas_connections"], parameters["alphas_operations"]});
}

// Multiply-adds of tangents forward and backward, and of the products that make rows of them.
double gigaoperations(const DagWeights& weights) {
  const auto pairs = static_cast<double>(nas::first_connection(weights.cells));
  const auto feature = static_cast<double>(weights.feature());
  const auto stencil = static_cast<double>(weights.shifts.size()) * static_cast<double>(weights.channels);
  const double pass = 4 * pairs * feature + 2 * static_cast<double>(weights.cells) * feature * stencil;
  return 1e-9 * pass * static_cast<double>(weights.pixels());
}

}  // namespace
}  // namespace archleak::attacks

int main(int argc, char** argv) {
  using namespace archleak;
  using namespace archleak::attacks;
  const auto argument = [&](int i, int64_t otherwise) { return argc > i ? std::atoll(argv[i]) : otherwise; };
  const nas::DagOptions options{.cells = argument(1, 64), .channels = argument(2, 2)};
  const int64_t side = argument(3, 28);
  torch::set_num_threads(static_cast<int>(argument(4, 2)));
  const int64_t repeats = argument(5, 3);

  const auto network =
      nas::make_dag_network(options, {1, side, side}, 10, make_torch_generator({.purpose = "weights"}));
  network->to(torch::kFloat64);
  const DagWeights weights(*network);
  const auto image = torch::rand({1, 1, side, side}, make_torch_generator({.purpose = "image"}),
                                 torch::TensorOptions().dtype(torch::kFloat64));
  std::printf("P=%ld, C=%ld, %ldx%ld: %ld alphas, %ld pixels, %.1f G multiply-adds, %d threads\n", options.cells,
              options.channels, side, side, weights.alphas(), weights.pixels(), gigaoperations(weights),
              torch::get_num_threads());
  const AlphaObservation observation(weights, {3}, AlphaGradients(weights)(image.view({1, -1}), 3)[0]);
  const auto prior = flat_prior(weights.pixels());
  const auto start = torch::zeros({prior.size()}, torch::kFloat64);
  double ours = 1e30, iteration = 1e30;
  for (int64_t i = 0; i <= repeats; ++i) {  // the first is a warm-up
    const double took = seconds([&] { linearise_alpha_gradient(weights, image.flatten(), 3); });
    const double whole = seconds([&] { levenberg_marquardt(observation, prior, start, {.iterations = 1}); });
    if (i > 0) ours = std::min(ours, took), iteration = std::min(iteration, whole);
  }
  gradient(*network, image);
  const double one = seconds([&] {
                       for (int64_t i = 0; i < kDifferences; ++i) gradient(*network, image);
                     }) /
                     kDifferences;
  const double reference = one * static_cast<double>(weights.pixels());
  std::printf("tangents %.2f s (%.1f G multiply-adds a second), differences %.1f s (%.1f ms a gradient): %.0f times\n",
              ours, gigaoperations(weights) / ours, reference, 1e3 * one, reference / ours);
  std::printf("a whole iteration (differential, eigenvectors, 30 candidates) %.2f s: %.0f times\n", iteration,
              reference / iteration);
}
