#include "attacks/reconstruction/posterior_linearisation.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <tuple>

namespace archleak::attacks {
namespace {

// The inverse of (1 - shrinkage) error^T error + shrinkage I applied to columns; `error` is `[samples, rows]`.
class ErrorPrecision {
 public:
  ErrorPrecision(const torch::Tensor& error, double shrinkage)
      : shrinkage_(shrinkage), factor_(error * std::sqrt(1 - shrinkage)) {
    auto inner = torch::mm(factor_, factor_.t());
    inner.diagonal().add_(shrinkage);
    torch::Tensor failure;
    std::tie(inner_, failure) = torch::linalg_cholesky_ex(inner);
    exists_ = failure.item<int64_t>() == 0;
  }
  bool exists() const { return exists_; }  ///< false for errors so large that rounding hides the identity
  torch::Tensor apply(const torch::Tensor& columns) const {
    const auto within = torch::cholesky_solve(torch::mm(factor_, columns), inner_);
    return (columns - torch::mm(factor_.t(), within)) / shrinkage_;
  }

 private:
  double shrinkage_;
  torch::Tensor factor_, inner_;
  bool exists_;
};

// Draws from the belief as differences from its mean, in pairs of opposite sign, `[components, samples]`.
torch::Tensor differences(const torch::Tensor& spread, int64_t components, int64_t samples, at::Generator generator) {
  auto drawn = torch::randn({components, samples / 2}, generator, torch::TensorOptions().dtype(torch::kFloat64));
  if (spread.defined()) {
    auto estimated = drawn.slice(0, 0, spread.size(0));
    estimated.copy_(torch::mm(spread, estimated));
  }
  return torch::cat({drawn, -drawn}, 1);
}

// One step of conditioning; false, with the belief as it was, where figures are no longer finite.
bool condition(Posterior& belief, const AlphaObservation& observation, const GaussianPrior& prior,
               const PosteriorOptions& options, int64_t components, at::Generator generator) {
  const auto basis = prior.basis(components);
  const auto image = prior.image(belief.coordinates);
  const auto at = observation.linearise(image, basis, AlphaObservation::Precision::rough);
  const auto drawn = differences(belief.spread, prior.size(), options.samples, generator);
  const auto predicted =
      observation.predict(prior.image(belief.coordinates + drawn.t()), AlphaObservation::Precision::rough);
  const auto moved = torch::mm(at.jacobian, drawn.slice(0, 0, components)).t();
  const auto centre = observation.signs() ? observation.seen(at.gradient) : at.gradient;
  // Of signs, how much of what the differential promises they keep over the belief's width, row by row: regression on
  // the samples (Bussgang's theorem, for Gaussian rows).
  auto kept_slope = torch::ones_like(at.gradient);
  if (observation.signs()) {
    kept_slope = ((predicted - centre) * moved).sum(0) / (moved.square().sum(0) + std::numeric_limits<double>::min());
  }
  auto error = predicted - centre - moved * kept_slope;

  if (!error.isfinite().all().item<bool>()) return false;
  auto scale = error.square().mean(0).sqrt();
  scale = scale + 1e-3 * scale.median() + std::numeric_limits<double>::min();
  // Independent noise joins the diagonal, which is `shrinkage` once rows are scaled.
  if (observation.noise().defined()) {
    scale = (scale.square() + observation.noise().square() / options.shrinkage).sqrt();
  }
  error = error / scale;
  const auto bias = error.mean(0);
  const ErrorPrecision precision((error - bias) / std::sqrt(static_cast<double>(options.samples)), options.shrinkage);
  if (!precision.exists()) return false;
  const auto jacobian = at.jacobian * (kept_slope / scale).unsqueeze(1);
  const auto misfit = (observation.observed() - centre) / scale;
  auto estimated = belief.coordinates.slice(0, 0, components);
  const auto target = misfit - bias + torch::mv(jacobian, estimated);

  const auto weighted = precision.apply(jacobian);
  auto information = torch::mm(jacobian.t(), weighted);
  information = (information + information.t()) / 2;
  information.diagonal().add_(1);
  const auto pull = torch::mv(weighted.t(), target);
  if (!information.isfinite().all().item<bool>() || !pull.isfinite().all().item<bool>()) return false;
  const auto [values, vectors] = torch::linalg_eigh(information);
  const auto kept = values.clamp_min(1);
  belief.spread = vectors / kept.sqrt();
  estimated.copy_(torch::mv(vectors, torch::mv(vectors.t(), pull) / kept));
  belief.misfit = std::sqrt(misfit.square().mean().item<double>());
  return true;
}

// How many components a stage estimates.
int64_t components_of(const PosteriorStage& stage, const GaussianPrior& prior) {
  const bool flat = prior.deviations.max().equal(prior.deviations.min());
  return flat ? prior.size() : std::min(stage.components, prior.size());
}

// The belief that explains the observation best so far.
class BestBelief {
 public:
  BestBelief(const AlphaObservation& observation, const GaussianPrior& prior, const Posterior& start)
      : observation_(observation), prior_(prior) {
    see(start);
  }
  void see(const Posterior& belief) {
    last_ = observation_.unexplained(prior_.image(belief.coordinates));
    if (belief_.coordinates.defined() && !(last_ < least_)) return;
    least_ = last_;
    belief_ = belief;
    belief_.coordinates = belief.coordinates.clone();  // conditioning works in place
  }
  // The last belief, unless it has run away.
  Posterior choose(const Posterior& last) const { return last_ > std::max(1.0, 2 * least_) ? belief_ : last; }

 private:
  const AlphaObservation& observation_;
  const GaussianPrior& prior_;
  Posterior belief_;
  double last_ = 0, least_ = 0;
};

}  // namespace

Posterior linearise_posterior(const AlphaObservation& observation, const GaussianPrior& prior,
                              const PosteriorOptions& options, at::Generator generator) {
  const torch::NoGradGuard no_grad;
  Posterior belief{.coordinates = torch::zeros({prior.size()}, torch::kFloat64)};
  if (options.start > 0) {
    const int64_t leading = options.stages.empty() ? prior.size() : options.stages.front().components;
    belief.coordinates.slice(0, 0, leading).normal_(0, options.start, generator);
  }
  BestBelief best(observation, prior, belief);
  for (const auto& stage : options.stages) {
    const int64_t components = components_of(stage, prior);
    for (int64_t i = 0; i < stage.iterations; ++i) {
      if (!condition(belief, observation, prior, options, components, generator)) return best.choose(belief);
      best.see(belief);
    }
  }
  return options.stages.empty() ? belief : best.choose(belief);
}

}  // namespace archleak::attacks
