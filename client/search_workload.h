#pragma once
#include "client/model_workload.h"
#include "core/optimizer.h"
#include "nas/architect.h"
#include "nas/instruction.h"
#include "nas/search_network.h"

namespace archleak::client {

/// A client of a differentiable architecture search.
///
/// Its examples are split into a train part, on which weights are fitted, and a validation part, on which alpha is. A
/// local step is an architecture step on the next validation batch (unless the round is one of warm-up) and a weight
/// step on the next train batch. By protocol:
///   gradient      one step's gradients at the global model: of alpha on a validation batch, of the weights on a train
///                 batch; nothing is applied locally
///   delta         differences after the local epochs
///   weights       values after the local epochs
///   server_alpha  the weights of the sub-network in the task's instruction are trained on the train part; the figure
///                 "reward" is its accuracy on the validation part
///
/// A task's instruction (nas/instruction.h) says what part of the network it is about; that for a survey is several
/// sub-networks, which are normalised by the statistics of the batch at hand, since those that are kept are of others.
/// A stage of P-DARTS has its own schedules of learning rate, warm-up and dropout.
///
/// Under DP-SGD the gradients are private means over Poisson samples: the weights' with one clip and noise over the
/// train part, alpha's with another over the validation part. A survey's counts get alpha's noise multiplier; the same
/// question gets the same noise.
class SearchWorkload : public ModelWorkload {
 public:
  SearchWorkload(std::shared_ptr<nas::SearchNetwork> network, Arena arena, std::shared_ptr<const TrainingData> data,
                 const RunSettings& run, const LocalTrainingOptions& training, const LocalSearchOptions& search,
                 const nas::ArchitectOptions& architect);

  ClientOutcome train(const ClientTask& task, std::span<float> update) override;
  Evaluation evaluate(int64_t first, int64_t last, const std::string& instruction) override;
  ClientOutcome survey(const ClientTask& task) override;

 private:
  /// The state of one task's steps.
  struct Steps;
  void architecture_step(std::span<const int64_t> train, Steps& steps);
  void weight_step(std::span<const int64_t> train, Steps& steps);
  /// Adds DP-SGD's noise to the answers to the task's question.
  void add_noise(const ClientTask& task, ClientOutcome& outcome) const;
  /// Examples that the network classifies right as it is.
  int64_t correct(std::span<const int64_t> indices);
  /// Takes back what weight decay and DP-SGD's noise did outside of the sub-network, which the client does not even
  /// have.
  void restore_absent(const nas::Instruction& instruction);
  void restrict_for_training(const nas::Instruction& instruction, int64_t round);

  std::shared_ptr<nas::SearchNetwork> search_network_;
  LocalSearchOptions search_;
  nas::ArchitectOptions architect_;
  Optimizer weight_optimizer_;
  Optimizer alpha_optimizer_;
};

/// The training batches of one client in one round, in order: what its steps of the weights read.
std::unique_ptr<Batches> training_batches(Sampling sampling, const LocalSplit& split, int64_t batch_size, uint64_t seed,
                                          int64_t round, int64_t client);

/// The validation batches: what its architecture steps read.
std::unique_ptr<Batches> validation_batches(Sampling sampling, const LocalSplit& split, int64_t batch_size,
                                            uint64_t seed, int64_t round, int64_t client);

}  // namespace archleak::client
