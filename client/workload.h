#pragma once
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/protocol.h"

namespace archleak::client {

/// A figure that a client reports beside its update.
struct Figure {
  std::string name;
  double value;
};

/// What one simulated client is asked to do in one round.
struct ClientTask {
  int64_t round = 0;
  int64_t client = 0;
  std::string instruction;                       ///< the workload's own bytes (a sampled sub-network); empty for most
  std::string state;                             ///< what this client kept from its last round; empty at first
  const std::atomic<bool>* cancelled = nullptr;  ///< becomes true when nobody waits for the result any more

  /// Throws Cancelled if so; called before every local step.
  void check() const;
};

/// Thrown out of Workload::train by a task that nobody waits for any more.
struct Cancelled {};

/// What a client gives back beside the update itself.
struct ClientOutcome {
  int64_t weight = 0;           ///< number of examples, the weight of the update in the average
  std::vector<Figure> figures;  ///< "train_loss", "valid_accuracy", "compute_s", ...
  std::string state;            ///< to be handed to this client in its next round
};

/// How a model does on a range of held-out examples.
struct Evaluation {
  int64_t examples = 0;
  int64_t correct = 0;
  double loss_sum = 0;  ///< cross entropy in nats, summed over the examples
};

/// One model on which any number of simulated clients train, one after the other.
///
/// An object belongs to one thread at a time. What `train` gives depends on the loaded model, the task and the seed
/// alone, not on what the object did before.
class Workload {
 public:
  virtual ~Workload() = default;

  /// Floats in a message from the coordinator, and in an update.
  virtual int64_t model_size() const = 0;
  virtual int64_t update_size() const = 0;

  /// Takes the global model `[model_size()]` for the tasks that follow.
  virtual void load(std::span<const float> model) = 0;

  /// Trains as one client and writes its update `[update_size()]`. Throws DataError when the client cannot train (no
  /// data, a loss that is not finite).
  virtual ClientOutcome train(const ClientTask& task, std::span<float> update) = 0;

  /// Evaluates the loaded model, or the part of it that the instruction says, on the held-out examples first..last-1.
  virtual Evaluation evaluate(int64_t first, int64_t last, const std::string& instruction) = 0;

  /// Tries the sub-networks in the task's instruction on the client's validation part, without training: how many
  /// examples each classifies right, a figure "correct" each, in their order; the weight is the number of examples.
  /// Throws DataError where there are no sub-networks, as here.
  virtual ClientOutcome survey(const ClientTask& task);
};

/// What a worker needs to know to serve a run.
struct WorkerPlan {
  std::function<std::unique_ptr<Workload>()> make_workload;  ///< called once a slot, on the slot's own thread
  ProtocolOptions protocol;
  uint64_t seed = 0;  ///< of the run; under secure aggregation the simulated clients' keys come from it
};

/// Makes the plan that a resolved configuration (TOML) describes; may take seconds (reads the data).
using WorkerPlanner = std::function<WorkerPlan(const std::string& config)>;

}  // namespace archleak::client
