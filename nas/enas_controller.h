#pragma once
#include <torch/torch.h>

#include <string>
#include <string_view>

#include "core/arena.h"
#include "core/optimizer.h"
#include "core/random.h"
#include "nas/choice.h"

namespace archleak::nas {

/// One cell pair that the controller has decided on.
struct ControllerSample {
  std::vector<int64_t> decisions;  ///< for each node of the normal, then of the reduction cell: two states, two places
                                   ///< in EnasController::operations(), in the order in which they were decided
  Choice choice;                   ///< the same for `SearchNetwork::select`
};

/// The controller of ENAS' micro search (Pham et al. 2018, section 2.3): an LSTM of 64 units that decides node by node,
/// first for the normal, then for the reduction cell, on two states below and an operation for each.
///
/// States are chosen by attention over the LSTM's outputs at the nodes before (additive, v tanh(W1 h_i + W2 h)),
/// operations by a linear layer; logits are c tanh(logits) with c = 1.10, of operations 1.10 / 2.5. Unlike in the
/// original, a node's second state differs from its first: it is drawn from those that are left, since an edge of the
/// DARTS cell carries one operation. float64 on the CPU; deterministic.
class EnasController {
 public:
  /// For cells of `steps` nodes; weights are uniform in +-0.1.
  EnasController(int64_t steps, const at::Generator& init);

  /// The operations that ENAS has, by index in kPrimitives: sep_conv_3x3, sep_conv_5x5, avg_pool_3x3, max_pool_3x3,
  /// skip_connect.
  static const std::vector<int64_t>& operations();

  /// Draws a pair of cells.
  ControllerSample sample(RandomEngine& engine) const;

  /// The pair whose every decision is the likeliest, given those before; ties go to the first.
  ControllerSample likeliest() const;

  /// Of a sample with these decisions: its log-probability, differentiable in the controller's weights, and the sum of
  /// the entropies of the distributions that its decisions were drawn from, in nats, detached. Throws Error for
  /// decisions that cannot have been made.
  struct Likelihood {
    torch::Tensor log_probability;
    double entropy = 0;
  };
  Likelihood likelihood(const std::vector<int64_t>& decisions) const;

  /// How many decisions a sample is made of.
  int64_t decision_count() const { return 8 * steps_; }

  /// The weights and their gradients, flat.
  Arena& arena() { return arena_; }
  const Arena& arena() const { return arena_; }

 private:
  struct Parts;
  class Walk;

  int64_t steps_;
  std::shared_ptr<Parts> parts_;
  Arena arena_;
};

/// REINFORCE for a controller (Williams 1992): ascends the mean of (reward - baseline) log p(sample) by Adam, where the
/// baseline is a moving mean of rewards (decay 0.99) that starts at the first step's.
class ControllerTrainer {
 public:
  /// `entropy_weight` times a sample's entropy is added to its reward.
  ControllerTrainer(EnasController& controller, double lr, double entropy_weight);

  /// One step with `rewards` for `samples`, by their decisions. Nothing for none.
  void step(const std::vector<std::vector<int64_t>>& samples, const std::vector<double>& rewards);

  double baseline() const { return baseline_; }

  /// The controller's weights, the optimizer and the baseline as bytes, and the inverse. Throws CheckpointError.
  std::string save() const;
  void load(std::string_view bytes);

 private:
  EnasController& controller_;
  double entropy_weight_;
  Optimizer optimizer_;
  double baseline_ = 0;
};

}  // namespace archleak::nas
