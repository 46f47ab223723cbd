#pragma once
#include <torch/torch.h>

#include <cstdint>
#include <vector>

#include "attacks/reconstruction/reconstruct.h"
#include "nas/dag_network.h"

namespace archleak::attacks {

/// What a client does between the broadcast and what it sends: SGD steps of alpha on one batch, with a step of the
/// weights on the same batch after each but the last.
struct LocalSteps {
  int64_t count = 1;
  double alpha_lr = 0;
  double weights_lr = 0;
};

/// What the mean gradient of alpha over the steps has beyond that of the first, `[alphas]` float64: an
/// `alpha_gradient_from` that reads several steps as one leaves it in. Simulates the steps from `network` on `images`
/// `[batch, pixels]`, and puts the network back to where it was.
torch::Tensor local_drift(nas::DagNetwork& network, const torch::Tensor& images, const std::vector<int64_t>& labels,
                          const LocalSteps& steps);

/// A mean gradient of alpha over several local steps `[alphas]`, and what the attacker knows of how it came about.
struct SteppedGradient {
  nas::DagNetwork& network;  ///< as broadcast; moved and put back
  std::vector<int64_t> labels;
  torch::Tensor gradient;
  torch::Tensor noise;  ///< deviations that a defence is expected to leave in it; undefined: none
  LocalSteps steps;
};

/// Rebuilds the images behind several local steps: estimates them, takes off what the steps would have added for these
/// images (`local_drift`), and again. The drift at the prior's mean is taken to be off by its own size, later ones by
/// their last change. Returns, of all estimates, the one whose simulated steps explain the observation best.
Reconstruction reconstruct_through_steps(const SteppedGradient& observed, const GaussianPrior& prior,
                                         const ReconstructionOptions& options, at::Generator generator);

}  // namespace archleak::attacks
