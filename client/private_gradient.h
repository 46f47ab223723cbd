#pragma once
#include <functional>
#include <vector>

#include "core/arena.h"
#include "core/random.h"
#include "defenses/dp_sgd.h"
#include "nas/architect.h"

namespace archleak::client {

/// What DP-SGD does to one part of a client's data (Abadi et al. 2016, algorithm 1, with Poisson sampling): the clipped
/// gradients of a batch's examples are summed, get noise, and are divided by the number of examples that a batch has in
/// the mean, which unlike the batch's own says nothing about the data. Draws nothing but the noise, from `noise`.
struct PrivateMean {
  defenses::GaussianMechanism mechanism;
  double expected_batch = 1;
  RandomEngine noise;
};

/// Leaves the private mean of the gradients in `gradient`, which `weights`' gradients are views into, and returns each
/// example's loss `[batch]`. `losses` runs the forward pass; it is not called for an empty batch, of which noise is
/// left.
torch::Tensor private_weight_gradient(const std::function<torch::Tensor()>& losses, int64_t examples,
                                      const std::vector<torch::Tensor>& weights, torch::Tensor gradient,
                                      PrivateMean& mean);

/// The same for alpha: leaves the private mean in `gradient` `[alpha]`.
torch::Tensor private_alpha_gradient(nas::SearchNetwork& network, const nas::Batch& batch, torch::Tensor gradient,
                                     PrivateMean& mean);

}  // namespace archleak::client
