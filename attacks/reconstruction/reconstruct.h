#pragma once
#include <torch/torch.h>

#include "attacks/reconstruction/levenberg_marquardt.h"
#include "attacks/reconstruction/posterior_linearisation.h"

namespace archleak::attacks {

/// Both solvers, one after the other. The defaults are for graphs with max pooling; without it, `refine` with
/// iterations finds the image itself (docs/adra.md).
struct ReconstructionOptions {
  PosteriorOptions posterior;
  LevenbergMarquardtOptions refine{.iterations = 0};
};

/// The recommended options for a graph of that kind.
ReconstructionOptions recommended_reconstruction(const nas::DagOptions& graph);

struct Reconstruction {
  torch::Tensor image;  ///< `[pixels]`, within [0, 1]
  double misfit = 0;    ///< of the observation after conditioning, in units of the expected error; see Posterior
  double residual = 0;  ///< of the refinement, relative to its start; one without refinement
};

/// Rebuilds the image behind `observation`. Deterministic in `generator`; reads nothing but its arguments.
Reconstruction reconstruct(const AlphaObservation& observation, const GaussianPrior& prior,
                           const ReconstructionOptions& options, at::Generator generator);

}  // namespace archleak::attacks
