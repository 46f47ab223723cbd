#pragma once
#include <atomic>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "core/arena.h"
#include "core/protocol.h"
#include "defenses/dp_sgd.h"
#include "defenses/privacy.h"
#include "server/alpha_sampling.h"
#include "server/robust.h"
#include "server/schedule.h"
#include "server/search_strategy.h"
#include "server/selection.h"
#include "server/update.h"
#include "server/worker_pool.h"
#include "wire/transport.h"

namespace archleak::server {

struct CoordinatorOptions {
  int64_t rounds = 20;
  int64_t evaluate_every = 1;       ///< rounds between evaluations on held-out data; the last round always has one
  int64_t evaluation_shard = 1000;  ///< examples in one evaluation task
  int64_t checkpoint_every = 1;     ///< rounds
  int64_t keep_checkpoints = 2;
  double heartbeat_s = 1;
  double worker_patience_s = 600;  ///< without any worker for so long, the run ends
  SelectionOptions selection;
  ScheduleOptions schedule;
  RobustOptions robust;
  UpdateOptions update;
};

/// Sections and keys: see the resolved configuration of any run.
void describe(ConfigSection section, CoordinatorOptions& options);

struct PhaseResult;  // server/phase.h

/// What is to be trained: fixed before the first round.
struct RunPlan {
  std::string config;  ///< resolved configuration, for the workers
  uint64_t seed = 0;
  ProtocolOptions protocol;
  std::vector<int64_t> client_sizes;  ///< examples by client
  int64_t held_out = 0;               ///< test examples; 0: no evaluation
  std::vector<OperationPart> parts;   ///< what only some sub-networks have; read under server_alpha with the mean
  bool entropy = true;                ///< whether the rows of alpha are softmaxed over, so that they have an entropy
  std::optional<defenses::PrivacyPlan> privacy = {};  ///< what clip_noise guarantees, if clients apply it
  std::optional<defenses::DpSgdPlan> dp_sgd = {};     ///< what DP-SGD guarantees, if clients train by it instead
  std::shared_ptr<SearchStrategy> strategy = {};      ///< the server's part in a search, whose state the coordinator
                                                      ///< moves and keeps in checkpoints; null: it has none
};

/// What is known after a round.
struct RoundRecord {
  int64_t round = 0;  ///< from 0
  std::optional<double> test_accuracy;
  std::optional<double> test_loss;
  std::optional<double> train_loss;     ///< mean over clients by weight
  std::optional<double> alpha_entropy;  ///< nats, mean over edges
  std::optional<double> epsilon;        ///< privacy spent since the first round, where something is accounted
  double broadcast_s = 0;
  double train_s = 0;  ///< from the first task to the last result, broadcast included
  double aggregate_s = 0;
  double evaluate_s = 0;
  double total_s = 0;
  int64_t bytes_up = 0;
  int64_t bytes_down = 0;
  int64_t clients = 0;     ///< whose updates count
  int64_t lost = 0;        ///< workers
  int64_t reassigned = 0;  ///< tasks
  std::string model_hash;
};

/// Who wants to know how a run goes.
class RunObserver {
 public:
  virtual ~RunObserver() = default;
  virtual void on_round(const RoundRecord& record) = 0;
  virtual void on_event(const std::string& kind, const nlohmann::ordered_json& fields) = 0;
  virtual void on_tasks(int64_t complete, int64_t tasks) = 0;  ///< within a round
  virtual void before_checkpoint() = 0;                        ///< what was told so far must now be durable
};

/// How a run ended.
struct RunEnd {
  bool interrupted = false;  ///< by `stop`; a checkpoint holds all finished rounds
  int64_t rounds = 0;        ///< finished
  std::string model_hash;
};

/// Runs the rounds: select clients, hand out their tasks, aggregate exactly, step the model, put the search strategy's
/// questions to the same clients, evaluate, checkpoint.
///
/// `arena` holds the initial model and, after each round, the global one. With the same plan, seed and selection the
/// model's bits do not depend on the workers, their number, the fidelity, or interruptions.
class Coordinator {
 public:
  /// `checkpoints` is the folder to write to; if it holds a checkpoint of this plan, `run` continues from it.
  Coordinator(wire::CoordinatorSocket& socket, const CoordinatorOptions& options, const RunPlan& plan, Arena& arena,
              RunObserver& observer, const std::filesystem::path& checkpoints);

  /// Rounds finished before this start.
  int64_t first_round() const { return round_; }

  /// Runs to the last round, then drains the workers. Throws Error (no workers, a task that fails again and again).
  RunEnd run(const std::atomic<bool>& stop);

 private:
  /// The state before the round at hand, should it not be finished.
  struct Remembered {
    std::vector<float> arena;
    std::string optimizers;
    std::string strategy;
    std::map<int64_t, std::string> client_states;
    std::string privacy;
  };

  bool train_round(WorkerPool& pool, RoundRecord& record, const std::atomic<bool>& stop);
  bool survey(WorkerPool& pool, const std::atomic<bool>& stop);
  bool evaluate(WorkerPool& pool, RoundRecord& record, const std::atomic<bool>& stop);
  /// Runs tasks of that kind on the model after this round, all of which are waited for, each with an outcome of its
  /// own; `make_task` and `take_outcome` as in Phase.
  PhaseResult ask_workers(WorkerPool& pool, wire::TaskKind kind, std::vector<TaskSpec> tasks,
                          std::function<void(wire::Task&)> complete_task,
                          std::function<std::optional<std::string>(const wire::Outcome&)> take_outcome,
                          const std::atomic<bool>& stop);
  std::vector<int64_t> cohort() const;
  wire::Payload model_payload() const;
  void account(std::span<const int64_t> selected, RoundRecord& record);
  void remember();
  void roll_back();
  void restore();
  void save();

  wire::CoordinatorSocket& socket_;
  CoordinatorOptions options_;
  RunPlan plan_;
  Arena& arena_;
  RunObserver& observer_;
  std::filesystem::path checkpoints_;
  ServerUpdate update_;
  UpdateLayout broadcast_;
  std::shared_ptr<SearchStrategy> strategy_;  // the plan's, or one that does nothing
  int64_t round_ = 0;                         // rounds finished
  uint64_t epoch_ = 1;                        // starts of this run
  TaskId surveys_ = 0;                        // since this start
  std::map<int64_t, std::string> client_states_;
  std::unique_ptr<defenses::PrivacyLedger> privacy_;  // null: nothing is accounted
  std::optional<Remembered> previous_;
};

}  // namespace archleak::server
