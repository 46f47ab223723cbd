#pragma once
#include "client/model_workload.h"
#include "core/optimizer.h"

namespace archleak::client {

/// A client of federated training of one network (a derived one or one from models/): cross entropy on all of its
/// examples by SGD, or by DP-SGD. Protocols: gradient (one step's gradient, not applied), delta, weights.
class TrainWorkload : public ModelWorkload {
 public:
  /// What differs from network to network in training mode.
  struct Hooks {
    std::function<void(int64_t round)> begin_round;  ///< for schedules such as drop-path; may be empty
    /// The loss of a training forward, for networks with more than one output, as a mean or, without reduction, by
    /// example; empty: cross entropy of the logits.
    std::function<torch::Tensor(const torch::Tensor& logits, const torch::Tensor& labels, at::Reduction::Reduction)>
        loss;
  };

  TrainWorkload(std::shared_ptr<models::Network> network, Arena arena, std::shared_ptr<const TrainingData> data,
                const RunSettings& run, const LocalTrainingOptions& training, Hooks hooks = {});

  ClientOutcome train(const ClientTask& task, std::span<float> update) override;

 private:
  torch::Tensor loss(const data::Batch& examples, at::Reduction::Reduction reduction);

  Hooks hooks_;
  Optimizer optimizer_;
};

}  // namespace archleak::client
