#include "server/phase.h"

#include <spdlog/fmt/fmt.h>

#include <chrono>
#include <set>

#include "core/error.h"

namespace archleak::server {
namespace {

using namespace std::chrono_literals;

constexpr auto kTick = 50ms;
// One task more than a worker has slots, so that it need not wait for the next one.
constexpr int64_t kPrefetch = 1;

class PhaseRun {
 public:
  PhaseRun(WorkerPool& pool, Schedule schedule, const Phase& phase)
      : pool_(pool), schedule_(std::move(schedule)), phase_(phase), seen_(steady_seconds()) {
    for (const auto& [worker, state] : pool_.workers()) schedule_.renew(worker, seen_);
  }

  PhaseResult run(const std::atomic<bool>& stop) {
    while (!schedule_.close(steady_seconds())) {
      if (stop) return {.interrupted = true, .counts = schedule_.counts(), .broadcast_s = broadcast_s_, .outcomes = {}};
      check_liveness();
      dispatch();
      flush();
      auto event = pool_.receive(kTick);
      while (event) {  // everything that has come, before the next dispatch
        take(*event);
        event = pool_.receive(0ms);
      }
    }
    PhaseResult result{.interrupted = false, .counts = schedule_.counts(), .broadcast_s = broadcast_s_, .outcomes = {}};
    for (const TaskId task : schedule_.in_hand()) {
      if (const auto found = outcomes_.find(task); found != outcomes_.end()) result.outcomes.insert(*found);
    }
    return result;
  }

 private:
  void check_liveness() {
    const double now = steady_seconds();
    for (const auto& worker : schedule_.expired(now)) lose(worker, "its lease ran out");
    for (const TaskId task : schedule_.requeue_overdue(now)) {
      phase_.on_event("task_overdue", {}, fmt::format("task {} goes to another worker", task));
    }
    if (!pool_.workers().empty()) seen_ = now;
    if (now - seen_ > phase_.patience_s) {
      throw Error(fmt::format("round {}: expected a worker, got none for {:.0f} s", phase_.round, phase_.patience_s));
    }
  }

  void lose(const std::string& worker, const std::string& reason) {
    const auto tasks = schedule_.lose(worker);
    flushing_.erase(worker);
    pool_.drop(worker, reason);
    phase_.on_event("worker_lost", worker, fmt::format("{}; {} tasks go to others", reason, tasks.size()));
  }

  void dispatch() {
    bool more = schedule_.queued() > 0;
    while (more) {  // round robin, so that the first worker does not take all
      more = false;
      for (const auto& [worker, state] : pool_.workers()) {
        if (schedule_.running(worker) >= state.slots + kPrefetch) continue;
        const auto assignment = schedule_.assign(worker, steady_seconds());
        if (!assignment) continue;
        more = true;
        const double before = steady_seconds();
        const bool sent = pool_.send_model(worker, phase_.round, phase_.model, phase_.model_per_task);
        broadcast_s_ += steady_seconds() - before;
        if (!sent || !pool_.send(worker, phase_.make_task(*assignment))) {
          lose(std::string(worker), "it is gone");
          break;  // the pool has changed
        }
      }
    }
  }

  void flush() {
    if (!schedule_.should_flush(steady_seconds())) return;
    for (const auto& worker : schedule_.unflushed()) {
      if (flushing_.insert(worker).second) pool_.send(worker, wire::Flush{phase_.round});
    }
  }

  void take(const PoolEvent& event) {
    switch (event.kind) {
      case PoolEvent::Kind::joined:
        schedule_.renew(event.worker, steady_seconds());
        phase_.on_event("worker_joined", event.worker, {});
        return;
      case PoolEvent::Kind::left:
        lose(event.worker, event.reason);
        return;
      case PoolEvent::Kind::message:
        schedule_.renew(event.worker, steady_seconds());
        std::visit([&](const auto& message) { handle(event.worker, message); }, *event.message);
    }
  }

  void handle(const std::string& worker, const wire::Accept& accept) {
    schedule_.accept(accept.task, accept.attempt, worker, steady_seconds());
  }

  void handle(const std::string& worker, const wire::Outcome& outcome) {
    if (outcome.round != phase_.round || outcome.kind != phase_.kind) return;
    if (schedule_.client_of(outcome.task) != outcome.client) return;
    if (schedule_.complete(outcome.task, outcome.attempt, worker) != Completion::accepted) return;
    if (const auto refusal = phase_.take_outcome(outcome)) {
      phase_.on_event("update_refused", worker, fmt::format("client {}: {}", outcome.client, *refusal));
    }
    wire::Outcome kept = outcome;
    kept.update = {};
    outcomes_[outcome.task] = std::move(kept);
    phase_.on_progress(static_cast<int64_t>(outcomes_.size()), schedule_.counts().tasks);
  }

  void handle(const std::string& worker, const wire::Failure& failure) {
    phase_.on_event("task_failed", worker, fmt::format("task {}: {}", failure.task, failure.reason));
    schedule_.fail(failure.task, failure.attempt, worker);
  }

  void handle(const std::string& worker, const wire::PartialSum& sum) {
    if (sum.round != phase_.round) return;
    flushing_.erase(worker);
    auto refusal = phase_.check_sum(sum);
    if (!refusal && sum.weight != weight_of(sum.tasks)) {
      refusal = fmt::format("expected a sum of weight {}, got {}", weight_of(sum.tasks), sum.weight);
    }
    if (refusal) {
      lose(worker, *refusal);
      return;
    }
    const Completion completion = schedule_.flush(worker, sum.tasks);
    if (completion == Completion::stale) lose(worker, "its sum holds other tasks than those it completed");
    if (completion == Completion::accepted) phase_.take_sum(sum);
  }

  int64_t weight_of(const std::vector<uint64_t>& tasks) const {
    int64_t weight = 0;
    for (const uint64_t task : tasks) {
      if (const auto found = outcomes_.find(task); found != outcomes_.end()) weight += found->second.weight;
    }
    return weight;
  }

  void handle(const std::string&, const wire::Heartbeat&) {}

  template <typename Other>
  void handle(const std::string& worker, const Other&) {
    phase_.on_event("message_refused", worker, "only a coordinator sends it");
  }

  WorkerPool& pool_;
  Schedule schedule_;
  const Phase& phase_;
  double seen_;  // when there was last a worker
  double broadcast_s_ = 0;
  std::set<std::string> flushing_;
  std::map<TaskId, wire::Outcome> outcomes_;
};

}  // namespace

PhaseResult run_phase(WorkerPool& pool, Schedule schedule, const Phase& phase, const std::atomic<bool>& stop) {
  return PhaseRun(pool, std::move(schedule), phase).run(stop);
}

double steady_seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

}  // namespace archleak::server
