#pragma once
#include <memory>
#include <optional>
#include <vector>

#include "client/options.h"
#include "client/private_gradient.h"
#include "client/training_data.h"
#include "client/workload.h"
#include "core/arena.h"
#include "core/protocol.h"
#include "data/batch.h"
#include "defenses/dp_sgd.h"
#include "defenses/update_transform.h"
#include "models/network.h"

namespace archleak::client {

/// What every workload of a run knows of the run.
struct RunSettings {
  uint64_t seed = 0;
  int64_t rounds = 1;  ///< of the whole run, for schedules
  ProtocolOptions protocol;
  defenses::UpdateDefense defense = {};                    ///< what clients do to their updates before they send them
  std::shared_ptr<const defenses::DpSgdPlan> dp_sgd = {};  ///< null: plain gradients on batches in passes
  std::optional<defenses::AdversarialOptions> adversarial = {};
  bool rewards = true;     ///< under server_alpha, outcomes tell the sub-network's accuracy on the validation part
  double input_noise = 0;  ///< standard deviation of noise on training inputs, whose range is 0..1

  /// Of a client's examples in a train run; 0 without adversarial regularisation (see split_members).
  double reference_share() const { return adversarial ? adversarial->reference_share : 0; }
  Sampling sampling() const { return dp_sgd ? Sampling::poisson : Sampling::passes; }
};

/// The mean loss of a round's steps.
struct MeanLoss {
  double sum = 0;
  double count = 0;

  void add(double loss) {
    sum += loss;
    ++count;
  }
  /// Of single examples, which may be none.
  void add(const torch::Tensor& losses);
  /// 0 where there was none.
  double value() const { return count > 0 ? sum / count : 0; }
};

/// A workload on one network whose tensors live in an arena: taking the global model, evaluating it, and forming the
/// update that the protocol asks for. What is trained, and how, is the derived class's.
class ModelWorkload : public Workload {
 public:
  int64_t model_size() const override;
  int64_t update_size() const override;
  void load(std::span<const float> model) override;
  /// Of the whole model, whatever the instruction.
  Evaluation evaluate(int64_t first, int64_t last, const std::string& instruction) override;

 protected:
  /// `network` has been adopted by `arena`; `data` is shared by all slots.
  ModelWorkload(std::shared_ptr<models::Network> network, Arena arena, std::shared_ptr<const TrainingData> data,
                const RunSettings& run, const LocalTrainingOptions& options);

  /// Sets the arena to the loaded model, with this client's own batch-norm statistics where they are local.
  void reset(std::span<const float> local_buffers = {});

  /// Sets `size` values of the arena back to the loaded model, and their gradients to zero.
  void restore(int64_t offset, int64_t size);

  /// The arena's batch-norm statistics as they are now.
  std::vector<float> local_buffers() const;

  /// The examples as input; `augment` draws crops and flips from it, null takes the plain transform.
  data::Batch batch(std::span<const int64_t> indices, RandomEngine* augment) const;

  /// The same with the run's input noise.
  data::Batch noisy_batch(std::span<const int64_t> indices, RandomEngine* augment, RandomEngine& noise) const;

  /// What DP-SGD does to a part of `examples` examples of the task's client. Needs run_.dp_sgd.
  PrivateMean private_mean(const ClientTask& task, const defenses::GaussianMechanism& mechanism, int64_t examples,
                           std::string_view purpose) const;

  /// Local learning rate of a round: cosine from lr to lr_min over `rounds`, those of the run or of a stage.
  double lr(int64_t round, int64_t rounds) const;

  /// Adds the FedProx term to the weights' gradient, then clips it, unless DP-SGD has done so example by example.
  void shape_weight_gradient();

  /// Writes what the protocol sends: the arena's gradients, its difference to the loaded model, or its values. The
  /// run's defences are applied to gradients and differences; where values are sent, to their difference from the
  /// loaded model, which is then added back. `residual` is what defences held back so far, and is replaced. Throws
  /// DataError if anything in the update is not finite.
  void write_update(const ClientTask& task, std::vector<float>& residual, std::span<float> update) const;

  std::shared_ptr<models::Network> network_;
  Arena arena_;
  std::shared_ptr<const TrainingData> data_;
  RunSettings run_;
  LocalTrainingOptions options_;
  std::vector<torch::Tensor> weights_;  ///< the parameters other than alpha

 private:
  UpdateLayout broadcast_;
  UpdateLayout update_;
  std::vector<float> start_;  ///< the loaded model, as a whole arena
};

/// Correct answers and summed cross entropy of `logits [batch, classes]` for `labels [batch]`.
Evaluation score(const torch::Tensor& logits, const torch::Tensor& labels);

}  // namespace archleak::client
