#pragma once
#include "client/model_workload.h"
#include "core/optimizer.h"
#include "defenses/membership_adversary.h"

namespace archleak::client {

/// A client of federated training of one network (a derived one or one from models/) on all of its examples by SGD, or
/// by DP-SGD: cross entropy of their labels, or, where the data have soft labels, distance from those (see
/// defenses/distillation_loss.h). Protocols: gradient (one step's gradient, not applied), delta, weights.
///
/// Under adversarial regularisation (see defenses/membership_adversary.h) a part of the examples is never trained on:
/// `split_members` says which. The classifier answers the adversary as in its own steps, but from random streams of
/// their own and without moving batch-norm statistics: with lambda 0 the training is, to the bit, that of the members
/// without a defence.
class TrainWorkload : public ModelWorkload {
 public:
  /// How far logits `[batch, classes]` are from what a batch should give: a mean or, under DP-SGD, by example
  /// `[batch]`.
  using Criterion = std::function<torch::Tensor(const torch::Tensor& logits)>;

  /// What differs from network to network in training mode.
  struct Hooks {
    std::function<void(int64_t round)> begin_round;  ///< for schedules such as drop-path; may be empty
    /// The loss of a training forward, for networks with more than one output; empty: the criterion of the logits.
    std::function<torch::Tensor(const torch::Tensor& logits, const Criterion& criterion)> loss;
  };

  TrainWorkload(std::shared_ptr<models::Network> network, Arena arena, std::shared_ptr<const TrainingData> data,
                const RunSettings& run, const LocalTrainingOptions& training, Hooks hooks = {});

  ClientOutcome train(const ClientTask& task, std::span<float> update) override;

 private:
  /// The state of one task's steps.
  struct Steps;
  struct Draws;
  Criterion criterion(std::span<const int64_t> indices, const data::Batch& examples,
                      at::Reduction::Reduction reduction) const;
  torch::Tensor loss(const torch::Tensor& logits, const Criterion& criterion);
  /// Leaves the gradient of one batch in the arena.
  void take_gradient(std::span<const int64_t> indices, Steps& steps);
  /// The adversary's steps before one of the classifier's.
  void train_adversary(Steps& steps);
  defenses::Answers answers(std::span<const int64_t> indices, Draws& draws);

  Hooks hooks_;
  Optimizer optimizer_;
  std::unique_ptr<defenses::MembershipAdversary> adversary_;  ///< null without adversarial regularisation
};

}  // namespace archleak::client
