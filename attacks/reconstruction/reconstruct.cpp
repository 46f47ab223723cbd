#include "attacks/reconstruction/reconstruct.h"

#include <algorithm>

namespace archleak::attacks {

constexpr double kStart = 0.3;     // prior deviations from the mean, where an attempt does not begin there
constexpr size_t kLabelsKept = 3;  // of those that a first look ranks

ReconstructionOptions recommended_reconstruction(const nas::DagOptions& graph, int64_t batch) {
  ReconstructionOptions options;
  if (!graph.max_pool) {
    options.posterior = {.stages = {{.components = 100, .iterations = 3}}, .samples = 64, .shrinkage = 0.2};
    options.refine.iterations = 10;
  }
  for (auto& stage : options.posterior.stages) stage.components *= batch;
  if (batch > 1) options.posterior.start = kStart;
  return options;
}

namespace {

Reconstruction reconstruct_once(const AlphaObservation& observation, const GaussianPrior& prior,
                                const ReconstructionOptions& options, const at::Generator& generator) {
  const auto belief = linearise_posterior(observation, prior, options.posterior, generator);
  auto refine = options.refine;
  if (observation.noise().defined()) refine.iterations = 0;
  const auto fit = levenberg_marquardt(observation, prior, belief.coordinates, refine);
  const bool refined = fit.residuals.size() > 1 && fit.residuals.front() > 0;
  const auto images = prior.image(fit.coordinates);
  return {.images = images.view({observation.batch(), -1}),
          .labels = observation.labels(),
          .misfit = belief.misfit,
          .residual = refined ? fit.residuals.back() / fit.residuals.front() : 1,
          .unexplained = observation.unexplained(images)};
}

/// One iteration of the first solver.
ReconstructionOptions first_look(ReconstructionOptions options) {
  options.restarts = 1;
  auto& stages = options.posterior.stages;
  options.refine.iterations = stages.empty() ? 1 : 0;
  if (!stages.empty()) stages = {{stages.front().components, 1}};
  return options;
}

}  // namespace

Reconstruction reconstruct(const AlphaObservation& observation, const GaussianPrior& prior,
                           const ReconstructionOptions& options, at::Generator generator) {
  Reconstruction best;
  ReconstructionOptions attempt = options;
  for (int64_t restart = 0; restart < std::max<int64_t>(options.restarts, 1); ++restart) {
    if (restart > 0) attempt.posterior.start = std::max(options.posterior.start, kStart);
    auto found = reconstruct_once(observation, prior, attempt, generator);
    if (restart == 0 || found.unexplained < best.unexplained) best = std::move(found);
  }
  return best;
}

Reconstruction reconstruct_enumerating_labels(int64_t classes, const SupposedLabel& suppose, const ClassPrior& prior,
                                              const ReconstructionOptions& options,
                                              const std::function<at::Generator(int64_t label)>& restart) {
  const auto attack = [&](int64_t label, const ReconstructionOptions& with) {
    return reconstruct(suppose(label), prior(label), with, restart(label));
  };
  std::vector<std::pair<double, int64_t>> ranked;
  for (int64_t label = 0; label < classes; ++label) {
    ranked.emplace_back(attack(label, first_look(options)).unexplained, label);
  }
  std::stable_sort(ranked.begin(), ranked.end());
  ranked.resize(std::min(ranked.size(), kLabelsKept));
  Reconstruction best;
  for (const auto& [unexplained, label] : ranked) {
    auto found = attack(label, options);
    if (best.labels.empty() || found.unexplained < best.unexplained) best = std::move(found);
  }
  return best;
}

}  // namespace archleak::attacks
