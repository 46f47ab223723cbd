#pragma once
#include <torch/torch.h>

#include <functional>
#include <vector>

#include "attacks/reconstruction/levenberg_marquardt.h"
#include "attacks/reconstruction/posterior_linearisation.h"

namespace archleak::attacks {

/// Both solvers, one after the other. The defaults are for graphs with max pooling; without it, `refine` with
/// iterations finds the image itself (docs/adra.md).
struct ReconstructionOptions {
  PosteriorOptions posterior;
  LevenbergMarquardtOptions refine{.iterations = 0};
  int64_t restarts = 1;  ///< attempts, of which the one that explains the observation best is kept; all but the first
                         ///< begin off the prior's mean, at random
};

/// The recommended options for a graph of that kind and a batch of that size: the stages' components are those of one
/// image times the batch. Batches start off the mean, since images of one class would never part from there.
ReconstructionOptions recommended_reconstruction(const nas::DagOptions& graph, int64_t batch = 1);

struct Reconstruction {
  torch::Tensor images;         ///< `[batch, pixels]`, not clamped to any range
  std::vector<int64_t> labels;  ///< that were known or chosen, one an image
  double misfit = 0;       ///< of the observation after conditioning, in units of the expected error; see Posterior
  double residual = 0;     ///< of the refinement, relative to its start; one without refinement
  double unexplained = 0;  ///< see AlphaObservation
};

/// Rebuilds the images behind `observation`; `prior` is of the whole batch. Deterministic in `generator`; reads nothing
/// but its arguments. Where noise is expected there is no refinement, which would fit it.
Reconstruction reconstruct(const AlphaObservation& observation, const GaussianPrior& prior,
                           const ReconstructionOptions& options, at::Generator generator);

/// The prior of images of a class.
using ClassPrior = std::function<const GaussianPrior&(int64_t label)>;

/// What was observed, had the image this label.
using SupposedLabel = std::function<AlphaObservation(int64_t label)>;

/// Rebuilds the image behind an observation whose label is not known: supposes each of `classes` with its prior, and
/// keeps what explains the observation best. A first look, one iteration, rules out all classes but the three that
/// explain it best; these are attacked as if they were known. `restart(label)` gives each class its generator.
Reconstruction reconstruct_enumerating_labels(int64_t classes, const SupposedLabel& suppose, const ClassPrior& prior,
                                              const ReconstructionOptions& options,
                                              const std::function<at::Generator(int64_t label)>& restart);

}  // namespace archleak::attacks
