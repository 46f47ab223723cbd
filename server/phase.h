#pragma once
#include <atomic>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "server/schedule.h"
#include "server/worker_pool.h"

namespace archleak::server {

/// One set of tasks on one version of the model: the training tasks of a round, or the evaluation of a model.
struct Phase {
  int64_t round = 0;                            ///< the model's version
  wire::TaskKind kind = wire::TaskKind::train;  ///< of all tasks; late results of another kind are passed over
  wire::Payload model;
  bool model_per_task = false;  ///< each task is preceded by the model, as each client of a deployment would fetch it
  double patience_s = 60;       ///< without any worker for so long, the run ends

  /// The message that hands out a task, of the assignment's client.
  std::function<wire::Task(const Assignment&)> make_task;

  /// Takes a result that counts. The reason if it is refused: the client is then left out of the round.
  std::function<std::optional<std::string>(const wire::Outcome&)> take_outcome;

  /// Looks at a worker's sum (fused), before it counts. The reason if it is refused: the worker is then dropped, and
  /// others do its tasks again.
  std::function<std::optional<std::string>(const wire::PartialSum&)> check_sum;

  /// Takes a sum that counts.
  std::function<void(const wire::PartialSum&)> take_sum;

  /// Told of everything that is worth a line in the log: "worker_joined", "worker_lost", "task_failed", ...
  std::function<void(const std::string& kind, const std::string& worker, const std::string& reason)> on_event;

  /// Told how many tasks of how many are complete.
  std::function<void(int64_t complete, int64_t tasks)> on_progress;
};

/// How a phase went.
struct PhaseResult {
  bool interrupted = false;  ///< `stop` became true; nothing of the phase counts
  ScheduleCounts counts;
  double broadcast_s = 0;                    ///< spent on handing models to the transport
  std::map<TaskId, wire::Outcome> outcomes;  ///< of the tasks that count, without their updates
};

/// Hands the schedule's tasks to whatever workers there are until it closes: sends models and tasks, renews leases,
/// gives the tasks of lost workers to others, and collects sums. Throws Error when no worker has been there for
/// `patience_s`, or when a task has failed too often.
PhaseResult run_phase(WorkerPool& pool, Schedule schedule, const Phase& phase, const std::atomic<bool>& stop);

/// Seconds of the steady clock, as Schedule counts them.
double steady_seconds();

/// Seconds since the last call.
class Stopwatch {
 public:
  double lap() {
    const double now = steady_seconds();
    return now - std::exchange(last_, now);
  }

 private:
  double last_ = steady_seconds();
};

}  // namespace archleak::server
