#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "core/config.h"
#include "core/protocol.h"

namespace archleak::server {

using TaskId = uint64_t;

/// When tasks go to another worker and when a round ends.
struct ScheduleOptions {
  double lease_s = 30;          ///< a worker that is not heard of for this long is lost
  double accept_timeout_s = 0;  ///< a task not accepted for this long goes to another worker; 0: never
  double task_timeout_s = 0;    ///< a task not finished for this long goes to another worker; 0: never
  int64_t max_failures = 3;     ///< a task that fails this often is given up; one that takes its worker down, or is
                                ///< late, this often ends the run
  double deadline_s = 0;        ///< after this long a round may end without all results; 0: never
  double min_results = 1;       ///< the share of the tasks that it then needs, rounded up, at least one
};

void describe(ConfigSection section, ScheduleOptions& options);

/// One piece of work of a round.
struct TaskSpec {
  TaskId id = 0;
  int64_t client = 0;
  int64_t size = 0;  ///< examples; larger tasks start earlier
};

/// A task that was given to a worker.
struct Assignment {
  TaskId task = 0;
  uint32_t attempt = 0;  ///< counts from 0; goes up each time the task is given back
  int64_t client = 0;
};

/// What became of a result.
enum class Completion {
  accepted,   ///< counts
  duplicate,  ///< this very result was counted before
  stale,      ///< of an attempt that has been given up, a worker that has been lost, or a closed round: to be dropped
};

/// How a round went so far.
struct ScheduleCounts {
  int64_t tasks = 0;
  int64_t results = 0;     ///< in hand: completed (wire) or flushed (fused)
  int64_t lost = 0;        ///< workers lost
  int64_t reassigned = 0;  ///< times that a task went back to the queue
  int64_t failures = 0;    ///< times that a worker reported a failure
  int64_t given_up = 0;    ///< tasks that failed too often
  int64_t dropped = 0;     ///< tasks without result when the round was closed
};

/// The tasks of one round: who works on what, what is finished, what must be done again.
///
/// Tasks start largest first (ties: lower client, then lower id), which keeps the last worker's wait short. A worker
/// holds a lease that `assign` and `renew` extend. Every task's result counts exactly once, whatever happens to
/// workers. In `fused` fidelity a completed task's result lies in its worker's partial sum and counts only once that
/// has come.
///
/// Pure logic: no clock, no threads; `now` is in seconds of any steady clock and never goes back.
class Schedule {
 public:
  /// Throws Error for repeated task ids. `max_failures` is checked when a task goes back to the queue.
  Schedule(std::vector<TaskSpec> tasks, const ScheduleOptions& options, Fidelity fidelity, double now);

  /// Gives the next task to `worker`; nothing when none is queued, when the round is closed, or while the worker is
  /// held up: it has let a task become overdue and finished none since, and another worker is there that has not.
  std::optional<Assignment> assign(const std::string& worker, double now);

  /// The worker confirms that the task arrived. False if the task is no longer its.
  bool accept(TaskId task, uint32_t attempt, const std::string& worker, double now);

  /// The worker finished the task.
  Completion complete(TaskId task, uint32_t attempt, const std::string& worker);

  /// The worker could not do the task; it goes back to the queue, or is given up at the limit of failures. A stale
  /// report changes nothing.
  Completion fail(TaskId task, uint32_t attempt, const std::string& worker);

  /// The worker's partial sum came, holding `tasks` (fused). Accepted only if those are exactly its completed tasks
  /// that have not been flushed: otherwise the sum must be dropped, and the caller loses the worker, so that its tasks
  /// are done again. Duplicate: all of them were flushed by this worker before.
  Completion flush(const std::string& worker, std::span<const TaskId> tasks);

  /// Extends the worker's lease; makes one for a new worker.
  void renew(const std::string& worker, double now);

  /// Workers whose lease has run out, in the order of their names. They stay until `lose`.
  std::vector<std::string> expired(double now) const;

  /// The worker is gone, or starts afresh: its running tasks, and in fused fidelity its completed tasks that have not
  /// been flushed, go back to the queue with the next attempt. Returns them. Counts the worker as lost if it was known.
  /// Throws Error when one of its running tasks is at the limit of failures.
  std::vector<TaskId> lose(const std::string& worker);

  /// Puts tasks back that were not accepted or finished in time (accept_timeout_s, task_timeout_s) and returns them.
  /// That counts as a failure of the task, with the same limit. In fused fidelity the old worker's sum may come to hold
  /// one of them; then `flush` refuses it.
  std::vector<TaskId> requeue_overdue(double now);

  bool all_complete() const;  ///< no task is queued or running
  bool all_done() const;      ///< every result that can come is in hand

  /// Whether it is time to ask for partial sums: all complete, or past the deadline with enough complete.
  bool should_flush(double now) const;

  /// Ends the round if every result is in hand, or past the deadline if enough are; true from then on. What comes after
  /// is stale.
  bool close(double now);

  /// Workers with completed tasks that have not been flushed.
  std::vector<std::string> unflushed() const;

  std::optional<int64_t> client_of(TaskId task) const;  ///< nothing for a task of another schedule

  int64_t running(const std::string& worker) const;  ///< tasks given to the worker and not finished
  int64_t queued() const { return static_cast<int64_t>(queue_.size()); }
  bool closed() const { return closed_; }
  ScheduleCounts counts() const;
  std::vector<TaskId> in_hand() const;  ///< tasks whose results count, ascending

 private:
  enum class State { queued, running, completed, done, given_up };
  struct Task {
    TaskSpec spec;
    State state = State::queued;
    uint32_t attempt = 0;
    std::string worker;
    double assigned_at = 0;
    bool accepted = false;
    int64_t failures = 0;
  };

  Task* owned(TaskId task, uint32_t attempt, const std::string& worker);
  bool held_up(const std::string& worker) const;
  void requeue(Task& task);
  void count_failure(Task& task, const std::string& reason);
  int64_t needed() const;
  bool past_deadline(double now) const;

  ScheduleOptions options_;
  Fidelity fidelity_;
  double start_;
  bool closed_ = false;
  std::vector<Task> tasks_;              // in order of priority
  std::map<TaskId, size_t> index_;       // place in tasks_
  std::set<size_t> queue_;               // places of queued tasks
  std::map<std::string, double> lease_;  // until when
  std::set<std::string> late_;           // workers that let a task become overdue and have finished none since
  ScheduleCounts counts_;
  int64_t completed_ = 0;  // tasks completed or done
};

}  // namespace archleak::server
