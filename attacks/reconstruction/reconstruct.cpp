#include "attacks/reconstruction/reconstruct.h"

namespace archleak::attacks {

ReconstructionOptions recommended_reconstruction(const nas::DagOptions& graph) {
  ReconstructionOptions options;
  if (!graph.max_pool) {
    options.posterior = {.stages = {{.components = 100, .iterations = 3}}, .samples = 64, .shrinkage = 0.2};
    options.refine.iterations = 10;
  }
  return options;
}

Reconstruction reconstruct(const AlphaObservation& observation, const GaussianPrior& prior,
                           const ReconstructionOptions& options, at::Generator generator) {
  const auto belief = linearise_posterior(observation, prior, options.posterior, std::move(generator));
  const auto fit = levenberg_marquardt(observation, prior, belief.coordinates, options.refine);
  const bool refined = fit.residuals.size() > 1 && fit.residuals.front() > 0;
  return {.image = prior.image(fit.coordinates).clamp(0, 1),
          .misfit = belief.misfit,
          .residual = refined ? fit.residuals.back() / fit.residuals.front() : 1};
}

}  // namespace archleak::attacks
