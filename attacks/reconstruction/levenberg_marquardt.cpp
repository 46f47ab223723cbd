#include "attacks/reconstruction/levenberg_marquardt.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace archleak::attacks {
namespace {

// The candidates `[2 dampings, components]` from the normal equations' eigenvectors.
torch::Tensor candidates(const torch::Tensor& normal, const torch::Tensor& slope, const torch::Tensor& z,
                         const LevenbergMarquardtOptions& options) {
  const auto [values, vectors] = torch::linalg_eigh(normal);
  const auto kept = values.clamp_min(0);
  const auto along = torch::mv(vectors.t(), slope), present = torch::mv(vectors.t(), z);
  const auto dampings =
      kept.max() * torch::logspace(std::log10(options.largest_damping), std::log10(options.smallest_damping),
                                   options.dampings, 10, torch::kFloat64);
  std::vector<torch::Tensor> steps;
  for (int64_t i = 0; i < options.dampings; ++i) {
    const auto damping = dampings[i], inverse = 1 / (kept + damping);
    steps.push_back(along * inverse);
    steps.push_back((along - damping * present) * inverse);
  }
  return z + torch::mm(torch::stack(steps), vectors.t());
}

}  // namespace

LeastSquaresFit levenberg_marquardt(const AlphaObservation& observation, const GaussianPrior& prior,
                                    const torch::Tensor& start, const LevenbergMarquardtOptions& options) {
  const torch::NoGradGuard no_grad;
  const int64_t components = std::min(options.components, prior.size());
  const auto basis = prior.basis(components);
  LeastSquaresFit fit{.coordinates = start.clone(), .residuals = {}};
  double last = std::numeric_limits<double>::infinity();
  for (int64_t i = 0; i < options.iterations; ++i) {
    const auto at = observation.linearise(prior.image(fit.coordinates), basis);
    const auto lengths = at.jacobian.norm(2, 1);
    const auto scale = 1 / lengths.clamp_min(options.row_floor * lengths.mean().item<double>());
    const auto jacobian = at.jacobian * scale.unsqueeze(1);
    const auto residual = (observation.observed() - at.gradient) * scale;
    last = residual.norm().item<double>();
    fit.residuals.push_back(last);

    const auto normal = torch::mm(jacobian.t(), jacobian), slope = torch::mv(jacobian.t(), residual);
    // Where the differential is nothing, or not finite, there is no direction to go.
    if (!(normal.trace().item<double>() > 0) || !normal.isfinite().all().item<bool>() ||
        !slope.isfinite().all().item<bool>()) {
      break;
    }
    auto moved = fit.coordinates.slice(0, 0, components);
    const auto tried = candidates(normal, slope, moved, options);
    auto all = fit.coordinates.repeat({tried.size(0), 1});
    all.slice(1, 0, components).copy_(tried);
    auto left = ((observation.observed() - observation.predict(prior.image(all))) * scale).norm(2, 1);
    left.masked_fill_(~left.isfinite(), std::numeric_limits<double>::infinity());
    const int64_t best = left.argmin().item<int64_t>();
    const double found = left[best].item<double>();
    if (!(found < last)) break;
    moved.copy_(tried[best]);
    const bool stalled = found > (1 - options.tolerance) * last;
    last = found;
    if (stalled) break;
  }
  fit.residuals.push_back(last);
  return fit;
}

}  // namespace archleak::attacks
