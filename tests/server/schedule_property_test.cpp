// Random sequences of events against a schedule, with workers that die, come back with old sums, repeat themselves and
// answer for others. What a coordinator would have summed must hold every task exactly once.
#include <gtest/gtest.h>
#include <spdlog/fmt/fmt.h>

#include <map>
#include <ranges>
#include <set>

#include "core/error.h"
#include "core/random.h"
#include "server/schedule.h"

namespace archleak::server {
namespace {

constexpr int kWorkers = 4;
constexpr int kEvents = 600;

struct Sent {
  Assignment task;
  std::string worker;
  bool executed = false;
};

class Storm {
 public:
  Storm(uint64_t seed, Fidelity fidelity, const ScheduleOptions& options)
      : fidelity_(fidelity), engine_(make_engine({.seed = seed, .purpose = "schedule property"})) {
    const int64_t count = 1 + uniform_index(30, engine_);
    std::vector<TaskSpec> tasks;
    for (int64_t i = 0; i < count; ++i) {
      tasks.push_back({.id = static_cast<TaskId>(100 + i), .client = i, .size = uniform_index(5, engine_)});
      all_.insert(tasks.back().id);
    }
    schedule_.emplace(tasks, options, fidelity, now_);
  }

  /// One random event.
  void event() {
    now_ += uniform(engine_);
    const std::string worker = name(uniform_index(kWorkers, engine_));
    switch (uniform_index(10, engine_)) {
      case 0:
      case 1:
      case 2:
        assign(worker);
        break;
      case 3:
      case 4:
        complete(worker);
        break;
      case 5:
        repeat();
        break;
      case 6:
        schedule_->renew(worker, now_);
        break;
      case 7:
        fail(worker);
        break;
      case 8:
        expire();
        break;
      case 9:
        flush(worker);
        break;
    }
    if (uniform_index(40, engine_) == 0) lose(worker);
    if (uniform_index(20, engine_) == 0) schedule_->requeue_overdue(now_);
    check();
  }

  /// One good worker finishes what is left.
  void settle() {
    for (int i = 0; i < kWorkers; ++i) lose(name(i));
    while (const auto given = schedule_->assign("good", now_)) finish(*given, "good");
    flush("good");
    check();
  }

  Schedule& schedule() { return *schedule_; }
  double now() const { return now_; }
  const std::map<TaskId, int>& counted() const { return counted_; }
  const std::set<TaskId>& all() const { return all_; }

 private:
  static std::string name(int64_t worker) { return fmt::format("worker {}", worker); }

  void assign(const std::string& worker) {
    if (const auto given = schedule_->assign(worker, now_)) {
      sent_.push_back({*given, worker});
      EXPECT_EQ(schedule_->accept(given->task, given->attempt, worker, now_), true);
    }
  }

  void report(const Assignment& task, const std::string& worker) {
    const bool accepted = schedule_->complete(task.task, task.attempt, worker) == Completion::accepted;
    if (accepted && fidelity_ == Fidelity::wire) ++counted_[task.task];
  }

  /// The worker does the task and adds it to its sum, whether or not the coordinator still wants it.
  void finish(const Assignment& task, const std::string& worker) {
    sums_[worker].push_back(task.task);
    report(task, worker);
  }

  void complete(const std::string& worker) {
    for (auto& sent : sent_ | std::views::reverse) {  // newest first, else old tasks keep it from ever being in time
      if (sent.worker != worker || sent.executed || uniform_index(3, engine_) != 0) continue;
      sent.executed = true;
      return finish(sent.task, worker);
    }
  }

  /// A message again, or one that nobody should have sent.
  void repeat() {
    if (sent_.empty()) return;
    const auto& sent = sent_[uniform_index(static_cast<int64_t>(sent_.size()), engine_)];
    if (sent.executed) report(sent.task, uniform_index(2, engine_) ? sent.worker : name(0));
  }

  void fail(const std::string& worker) {
    if (sent_.empty()) return;
    const auto& sent = sent_[uniform_index(static_cast<int64_t>(sent_.size()), engine_)];
    schedule_->fail(sent.task.task, sent.task.attempt, worker);
  }

  void expire() {
    for (const auto& worker : schedule_->expired(now_)) lose(worker);
  }

  void lose(const std::string& worker) {
    for (const TaskId task : schedule_->lose(worker))
      EXPECT_FALSE(counted_.contains(task)) << "counted, and queued again";
    if (uniform_index(2, engine_)) sums_.erase(worker);  // it died; else it only seemed dead and keeps its sum
  }

  void flush(const std::string& worker) {
    if (fidelity_ == Fidelity::wire) return;
    const std::vector<TaskId> tasks = sums_[worker];
    if (tasks.empty()) return;
    if (schedule_->flush(worker, tasks) == Completion::accepted) {
      for (const TaskId task : tasks) ++counted_[task];
    } else {
      schedule_->lose(worker);
    }
    sums_.erase(worker);
  }

  void check() {
    const auto counts = schedule_->counts();
    ASSERT_EQ(counts.results, static_cast<int64_t>(counted_.size()));
    for (const auto& [task, times] : counted_) ASSERT_EQ(times, 1) << "task " << task;
    const auto in_hand = schedule_->in_hand();
    ASSERT_EQ(in_hand.size(), counted_.size());
    for (const TaskId task : in_hand) ASSERT_TRUE(counted_.contains(task));
    ASSERT_EQ(schedule_->all_done(), counted_.size() == all_.size());
  }

  Fidelity fidelity_;
  RandomEngine engine_;
  double now_ = 0;
  std::optional<Schedule> schedule_;
  std::set<TaskId> all_;
  std::vector<Sent> sent_;
  std::map<std::string, std::vector<TaskId>> sums_;
  std::map<TaskId, int> counted_;
};

class ScheduleProperty : public testing::TestWithParam<Fidelity> {};

TEST_P(ScheduleProperty, EveryTaskIsCountedExactlyOnceAndNoneIsLost) {
  int64_t reassigned = 0;
  for (uint64_t seed = 0; seed < 80; ++seed) {
    SCOPED_TRACE(seed);
    Storm storm(seed, GetParam(), {.lease_s = 5, .task_timeout_s = 8, .max_failures = 1 << 30});
    for (int i = 0; i < kEvents && !storm.schedule().all_done() && !testing::Test::HasFatalFailure(); ++i)
      storm.event();
    storm.settle();
    ASSERT_TRUE(storm.schedule().all_done());
    ASSERT_TRUE(storm.schedule().close(storm.now()));
    ASSERT_EQ(storm.counted().size(), storm.all().size());
    ASSERT_EQ(storm.schedule().counts().dropped, 0);
    reassigned += storm.schedule().counts().reassigned;
  }
  EXPECT_GT(reassigned, 1000) << "the storm was too mild to show anything";
}

TEST_P(ScheduleProperty, AfterADeadlineWhatCountedAndWhatWasDroppedMakeUpAllTasks) {
  int64_t dropped = 0;
  for (uint64_t seed = 0; seed < 80; ++seed) {
    SCOPED_TRACE(seed);
    Storm storm(seed, GetParam(),
                {.lease_s = 5, .task_timeout_s = 8, .max_failures = 1 << 30, .deadline_s = 20, .min_results = 0.3});
    bool closed = false;
    for (int i = 0; i < 100 * kEvents && !closed && !testing::Test::HasFatalFailure(); ++i) {
      storm.event();
      closed = storm.schedule().close(storm.now());
    }
    ASSERT_TRUE(closed);
    const auto counts = storm.schedule().counts();
    ASSERT_EQ(counts.results + counts.dropped, counts.tasks);
    ASSERT_GE(static_cast<double>(counts.results), 0.3 * static_cast<double>(counts.tasks) - 1e-9);
    for (int i = 0; i < 50; ++i) storm.event();  // what comes after changes nothing
    ASSERT_EQ(storm.schedule().counts().results, counts.results);
    dropped += counts.dropped;
  }
  EXPECT_GT(dropped, 100) << "no deadline ever dropped a task";
}

INSTANTIATE_TEST_SUITE_P(Fidelities, ScheduleProperty, testing::Values(Fidelity::wire, Fidelity::fused),
                         [](const auto& info) { return info.param == Fidelity::wire ? "Wire" : "Fused"; });

}  // namespace
}  // namespace archleak::server
