#pragma once
#include <torch/torch.h>

#include "core/arena.h"
#include "core/config.h"
#include "nas/search_network.h"

namespace archleak::nas {

/// How the gradient with respect to alpha is taken.
enum class ArchitectureOrder {
  first,   ///< of the validation loss at the present weights (DARTS, first order)
  second,  ///< of the validation loss at weights one virtual training step ahead (DARTS, unrolled)
  mixed,   ///< of training and validation loss together (MiLeNAS, mixed level)
};

struct ArchitectOptions {
  ArchitectureOrder order = ArchitectureOrder::first;
  double mixed_weight = 1;  ///< lambda of MiLeNAS; `mixed` only
};

void describe(ConfigSection section, ArchitectOptions& options);

/// Images `[batch, channels, height, width]` and their labels `[batch]` (int64).
struct Batch {
  torch::Tensor images;
  torch::Tensor labels;
};

/// The virtual training step of the second order: SGD as the weights' own optimizer would take it.
struct UnrolledStep {
  double lr = 0.025;
  double momentum = 0.9;
  double weight_decay = 3e-4;
  torch::Tensor momentum_buffer;  ///< `[weights]` in arena order; undefined: zero
};

/// Leaves the gradient with respect to alpha in `arena.gradient(Segment::alpha)` and returns the validation loss (mean
/// cross entropy; with `second`, at the unrolled weights).
///
/// `arena` is the one that has adopted `network`. All of the arena's values are afterwards bitwise what they were: also
/// the running statistics of batch normalisation, which the original lets move here. So the gradient is a function of
/// the arena and the batches alone. The weights' part of `arena.gradients()` is overwritten by `second`, else
/// untouched. `train` is not read by `first`, `step` only by `second`.
///
/// Second order is Liu et al. 2019, equations 6 to 8: w' = w - lr (momentum buffer + grad L_train + weight_decay w),
/// and grad_alpha L_val(w') - lr (grad_alpha L_train(w+) - grad_alpha L_train(w-)) / 2 eps with w+- = w +- eps v,
/// v = grad_w' L_val and eps = 0.01 / |v|. Mixed level is the update of He et al. 2020 (MiLeNAS):
/// grad_alpha L_train + lambda grad_alpha L_val.
double architecture_gradient(SearchNetwork& network, Arena& arena, const Batch& train, const Batch& valid,
                             const ArchitectOptions& options, const UnrolledStep& step = {});

/// Each example's cross entropy `[batch]` and its gradient with respect to alpha `[batch, alpha]`, in the arena's
/// order: one backward pass through architecture parameters that every example has its own copy of. First order.
/// Examples must not depend on each other (no batch normalisation).
struct AlphaGradients {
  torch::Tensor losses;
  torch::Tensor gradients;
};
AlphaGradients alpha_gradients_by_example(SearchNetwork& network, const Batch& batch);

/// Leaves the gradients of the mean cross entropy in `arena.gradients()`, those of alpha only if `with_alpha` (else
/// they are untouched), and returns that loss. Running statistics move as in any training step.
double weight_gradient(SearchNetwork& network, Arena& arena, const Batch& batch, bool with_alpha = false);

}  // namespace archleak::nas
