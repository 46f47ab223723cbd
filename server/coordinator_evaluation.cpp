#include <spdlog/fmt/fmt.h>

#include <algorithm>

#include "core/error.h"
#include "server/coordinator.h"
#include "server/outcome.h"
#include "server/phase.h"

namespace archleak::server {

PhaseResult Coordinator::ask_workers(WorkerPool& pool, wire::TaskKind kind, std::vector<TaskSpec> tasks,
                                     std::function<void(wire::Task&)> complete_task,
                                     std::function<std::optional<std::string>(const wire::Outcome&)> take_outcome,
                                     const std::atomic<bool>& stop) {
  Phase phase;
  phase.kind = kind;
  phase.round = round_ + 1;  // the model after this round is what the next one starts from
  phase.model = model_payload();
  // As in training, a deployment's clients fetch the model themselves; held-out data are the coordinator's own affair.
  phase.model_per_task = kind == wire::TaskKind::survey && plan_.protocol.fidelity == Fidelity::wire;
  phase.patience_s = options_.worker_patience_s;
  phase.make_task = [&](const Assignment& assignment) {
    wire::Task task{.task = assignment.task,
                    .attempt = assignment.attempt,
                    .round = round_ + 1,
                    .kind = kind,
                    .client = assignment.client};
    complete_task(task);
    return task;
  };
  phase.take_outcome = std::move(take_outcome);
  phase.check_sum = [](const wire::PartialSum&) {
    return std::optional<std::string>("expected none outside of training");
  };
  phase.take_sum = [](const wire::PartialSum&) {};
  phase.on_event = [&](const std::string& event, const std::string& worker, const std::string& reason) {
    observer_.on_event(event, {{"round", round_}, {"worker", worker}, {"reason", reason}});
  };
  phase.on_progress = [](int64_t, int64_t) {};

  // Whatever a round's own deadline: these are few and small.
  ScheduleOptions schedule = options_.schedule;
  schedule.deadline_s = 0;
  return run_phase(pool, Schedule(std::move(tasks), schedule, Fidelity::wire, steady_seconds()), phase, stop);
}

bool Coordinator::evaluate(WorkerPool& pool, RoundRecord& record, const std::atomic<bool>& stop) {
  const bool due = (round_ + 1) % options_.evaluate_every == 0 || round_ + 1 == options_.rounds;
  if (plan_.held_out == 0 || !due) return true;
  const int64_t shard = options_.evaluation_shard;
  std::vector<TaskSpec> tasks;
  for (int64_t first = 0; first < plan_.held_out; first += shard) {
    const auto id = static_cast<int64_t>(tasks.size());
    tasks.push_back({.id = static_cast<TaskId>(id), .client = id, .size = std::min(shard, plan_.held_out - first)});
  }
  Stopwatch watch;
  const PhaseResult result = ask_workers(
      pool, wire::TaskKind::evaluate, std::move(tasks),
      [&](wire::Task& task) {
        task.first = task.client * shard;
        task.last = std::min(task.first + shard, plan_.held_out);
        task.instruction = strategy_->evaluated();
      },
      [](const wire::Outcome& outcome) {
        return flaw(outcome, {"correct", "loss_sum"});
      },
      stop);
  if (result.interrupted) return false;
  if (result.counts.given_up > 0) {
    throw Error(
        fmt::format("round {}: expected an evaluation on all test examples, got {} failed tasks (see events.jsonl)",
                    round_, result.counts.given_up));
  }
  double correct = 0;
  double loss = 0;
  double examples = 0;
  for (const auto& [task, outcome] : result.outcomes) {  // in the order of the shards, so that the sum is the same
    correct += figure(outcome, "correct");
    loss += figure(outcome, "loss_sum");
    examples += static_cast<double>(outcome.weight);
  }
  record.test_accuracy = correct / examples;
  record.test_loss = loss / examples;
  record.evaluate_s = watch.lap();
  return true;
}

}  // namespace archleak::server
