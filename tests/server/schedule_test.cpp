#include "server/schedule.h"

#include <gmock/gmock.h>

#include <algorithm>

#include "core/error.h"

namespace archleak::server {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::vector<TaskSpec> three_tasks() {
  return {{.id = 10, .client = 0, .size = 5}, {.id = 11, .client = 1, .size = 9}, {.id = 12, .client = 2, .size = 5}};
}

Schedule wire(const ScheduleOptions& options = {}) {
  return Schedule(three_tasks(), options, Fidelity::wire, 0);
}

Schedule fused(const ScheduleOptions& options = {}) {
  return Schedule(three_tasks(), options, Fidelity::fused, 0);
}

/// Assigns and completes everything that is queued.
void work(Schedule& schedule, const std::string& worker, double now = 0) {
  while (const auto given = schedule.assign(worker, now)) {
    ASSERT_EQ(schedule.complete(given->task, given->attempt, worker), Completion::accepted);
  }
}

TEST(Schedule, GivesTheLargestTaskFirstAndBreaksTiesByClient) {
  Schedule schedule = wire();
  std::vector<TaskId> order;
  while (const auto given = schedule.assign("a", 0)) order.push_back(given->task);
  EXPECT_THAT(order, ElementsAre(11, 10, 12));
  EXPECT_EQ(schedule.running("a"), 3);
  EXPECT_EQ(schedule.queued(), 0);
}

TEST(Schedule, KnowsTheClientOfItsOwnTasksAlone) {
  EXPECT_EQ(wire().client_of(11), 1);
  EXPECT_FALSE(wire().client_of(1));
}

TEST(Schedule, CountsAResultOnce) {
  Schedule schedule = wire();
  const auto given = *schedule.assign("a", 0);
  EXPECT_EQ(schedule.complete(given.task, given.attempt, "b"), Completion::stale) << "not its task";
  EXPECT_EQ(schedule.complete(given.task, given.attempt + 1, "a"), Completion::stale) << "a future attempt";
  EXPECT_EQ(schedule.complete(99, 0, "a"), Completion::stale) << "an unknown task";
  EXPECT_EQ(schedule.complete(given.task, given.attempt, "a"), Completion::accepted);
  EXPECT_EQ(schedule.complete(given.task, given.attempt, "a"), Completion::duplicate);
  EXPECT_EQ(schedule.counts().results, 1);
  EXPECT_THAT(schedule.in_hand(), ElementsAre(given.task));
}

TEST(Schedule, ATaskThatIsStillQueuedCannotBeCompleted) {
  Schedule schedule = wire();
  EXPECT_EQ(schedule.complete(10, 0, ""), Completion::stale);
  EXPECT_EQ(schedule.complete(10, 0, "a"), Completion::stale);
}

TEST(Schedule, IsDoneWhenEveryTaskIs) {
  Schedule schedule = wire();
  EXPECT_FALSE(schedule.all_done());
  work(schedule, "a");
  EXPECT_TRUE(schedule.all_complete());
  EXPECT_TRUE(schedule.all_done());
  EXPECT_FALSE(schedule.assign("a", 0));
  EXPECT_TRUE(schedule.close(0));
  EXPECT_EQ(schedule.counts().dropped, 0);
}

TEST(Schedule, NoTasksAreDoneAtOnce) {
  Schedule schedule({}, {}, Fidelity::fused, 0);
  EXPECT_TRUE(schedule.all_done());
  EXPECT_FALSE(schedule.should_flush(0));
  EXPECT_TRUE(schedule.close(0));
}

TEST(Schedule, ALeaseEndsUnlessItIsRenewed) {
  Schedule schedule = wire({.lease_s = 10});
  schedule.assign("a", 0);
  schedule.assign("b", 1);
  schedule.renew("a", 5);
  EXPECT_THAT(schedule.expired(10.9), IsEmpty());
  EXPECT_THAT(schedule.expired(11), ElementsAre("b"));
  EXPECT_THAT(schedule.expired(15), ElementsAre("a", "b"));
}

TEST(Schedule, ALostWorkersTasksGoToOthersAndItsResultsAreStale) {
  Schedule schedule = wire();
  const auto first = *schedule.assign("a", 0);
  const auto second = *schedule.assign("a", 0);
  schedule.complete(first.task, first.attempt, "a");
  EXPECT_THAT(schedule.lose("a"), ElementsAre(second.task)) << "what was finished stays";
  EXPECT_THAT(schedule.expired(1e9), IsEmpty());
  const auto again = *schedule.assign("b", 1);
  EXPECT_EQ(again.task, second.task);
  EXPECT_EQ(again.attempt, second.attempt + 1);
  EXPECT_EQ(schedule.complete(second.task, second.attempt, "a"), Completion::stale);
  EXPECT_EQ(schedule.complete(again.task, again.attempt, "b"), Completion::accepted);
  EXPECT_EQ(schedule.counts().lost, 1);
  EXPECT_EQ(schedule.counts().reassigned, 1);
  EXPECT_THAT(schedule.lose("a"), IsEmpty());
  EXPECT_EQ(schedule.counts().lost, 1) << "a worker is lost once";
}

TEST(Schedule, AWorkerThatComesBackDoesNotMixItsAttempts) {
  Schedule schedule = wire();
  const auto before = *schedule.assign("a", 0);
  schedule.lose("a");
  const auto after = *schedule.assign("a", 1);
  ASSERT_EQ(after.task, before.task);
  EXPECT_FALSE(schedule.accept(before.task, before.attempt, "a", 1));
  EXPECT_EQ(schedule.complete(before.task, before.attempt, "a"), Completion::stale);
  EXPECT_TRUE(schedule.accept(after.task, after.attempt, "a", 1));
  EXPECT_EQ(schedule.complete(after.task, after.attempt, "a"), Completion::accepted);
}

TEST(Schedule, AFusedResultCountsWithItsPartialSum) {
  Schedule schedule = fused();
  work(schedule, "a");
  EXPECT_TRUE(schedule.all_complete());
  EXPECT_FALSE(schedule.all_done());
  EXPECT_FALSE(schedule.close(1e9));
  EXPECT_TRUE(schedule.should_flush(0));
  EXPECT_THAT(schedule.unflushed(), ElementsAre("a"));
  EXPECT_EQ(schedule.flush("b", std::vector<TaskId>{10, 11, 12}), Completion::stale);
  EXPECT_EQ(schedule.flush("a", std::vector<TaskId>{10, 11, 12}), Completion::accepted);
  EXPECT_EQ(schedule.flush("a", std::vector<TaskId>{12}), Completion::duplicate);
  EXPECT_TRUE(schedule.all_done());
  EXPECT_FALSE(schedule.should_flush(0));
  EXPECT_THAT(schedule.unflushed(), IsEmpty());
}

TEST(Schedule, APartialSumMustHoldExactlyTheWorkersTasks) {
  Schedule schedule = fused();
  work(schedule, "a");
  for (const std::vector<TaskId>& tasks : {std::vector<TaskId>{}, {10, 11}, {10, 11, 12, 13}, {10, 11, 12, 12}, {99}}) {
    EXPECT_EQ(schedule.flush("a", tasks), Completion::stale);
    EXPECT_EQ(schedule.counts().results, 0);
  }
}

TEST(Schedule, AFusedWorkerThatIsLostTakesItsFinishedTasksWithIt) {
  Schedule schedule = fused();
  const auto mine = *schedule.assign("a", 0);
  schedule.complete(mine.task, mine.attempt, "a");
  EXPECT_THAT(schedule.lose("a"), ElementsAre(mine.task));
  EXPECT_EQ(schedule.flush("a", std::vector<TaskId>{mine.task}), Completion::stale);
  work(schedule, "b");
  EXPECT_EQ(schedule.flush("b", std::vector<TaskId>{10, 11, 12}), Completion::accepted);
  EXPECT_TRUE(schedule.all_done());
}

TEST(Schedule, WhatWasFlushedSurvivesItsWorker) {
  Schedule schedule = fused();
  work(schedule, "a");
  schedule.flush("a", std::vector<TaskId>{10, 11, 12});
  EXPECT_THAT(schedule.lose("a"), IsEmpty());
  EXPECT_TRUE(schedule.all_done());
}

TEST(Schedule, AFailedTaskIsTriedAgainUpToTheLimitAndThenGivenUp) {
  Schedule schedule = wire({.max_failures = 3});
  for (uint32_t attempt = 0; attempt < 3; ++attempt) {
    const auto given = *schedule.assign("a", 0);
    EXPECT_EQ(given.task, 11u);
    EXPECT_EQ(given.attempt, attempt);
    EXPECT_EQ(schedule.fail(11, attempt, "a"), Completion::accepted);
    EXPECT_EQ(schedule.fail(11, attempt, "a"), Completion::stale);
  }
  EXPECT_NE(schedule.assign("a", 0)->task, 11u);
  EXPECT_EQ(schedule.counts().given_up, 1);
}

TEST(Schedule, ATaskThatTakesItsWorkersDownEndsTheRun) {
  Schedule schedule = wire({.max_failures = 2});
  schedule.assign("a", 0);
  schedule.lose("a");
  schedule.assign("b", 0);
  EXPECT_THROW(schedule.lose("b"), Error);
}

TEST(Schedule, LosingFinishedWorkDoesNotCountAgainstTheTask) {
  Schedule schedule({{.id = 1}}, {.max_failures = 2}, Fidelity::fused, 0);
  for (int i = 0; i < 5; ++i) {
    work(schedule, "a");
    EXPECT_NO_THROW(schedule.lose("a"));
  }
}

TEST(Schedule, ATaskThatWasNotAcceptedInTimeGoesToAnother) {
  Schedule schedule = wire({.accept_timeout_s = 2});
  const auto taken = *schedule.assign("a", 0);
  const auto missed = *schedule.assign("a", 0);
  EXPECT_TRUE(schedule.accept(taken.task, taken.attempt, "a", 1));
  EXPECT_THAT(schedule.requeue_overdue(1.9), IsEmpty());
  EXPECT_THAT(schedule.requeue_overdue(2), ElementsAre(missed.task));
  EXPECT_FALSE(schedule.accept(missed.task, missed.attempt, "a", 3));
  EXPECT_EQ(schedule.assign("b", 3)->task, missed.task);
}

TEST(Schedule, ATaskThatWasNotFinishedInTimeGoesToAnotherAndEndsTheRunIfThatRepeats) {
  Schedule schedule = wire({.task_timeout_s = 5, .max_failures = 2});
  const auto slow = *schedule.assign("a", 0);
  schedule.accept(slow.task, slow.attempt, "a", 0);
  EXPECT_THAT(schedule.requeue_overdue(5), ElementsAre(slow.task));
  schedule.assign("b", 5);
  EXPECT_THROW(schedule.requeue_overdue(10), Error);
}

TEST(Schedule, AWorkerThatIsHeldUpGetsNothingUntilItFinishesWhileAnotherIsThere) {
  Schedule schedule = wire({.task_timeout_s = 5, .max_failures = 10});
  const auto slow = *schedule.assign("a", 0);
  schedule.renew("b", 0);
  EXPECT_THAT(schedule.requeue_overdue(5), ElementsAre(slow.task));
  EXPECT_FALSE(schedule.assign("a", 5)) << "the overdue task would wait behind itself";
  EXPECT_EQ(schedule.assign("b", 5)->task, slow.task);
  EXPECT_EQ(schedule.complete(slow.task, slow.attempt, "a"), Completion::stale);
  EXPECT_TRUE(schedule.assign("a", 6)) << "it has finished something, if too late";
}

TEST(Schedule, WhereEveryWorkerIsHeldUpAllGetTasks) {
  Schedule schedule = wire({.task_timeout_s = 5, .max_failures = 10});
  schedule.assign("a", 0);
  schedule.assign("b", 0);
  schedule.requeue_overdue(5);
  EXPECT_TRUE(schedule.assign("a", 5));
  schedule.lose("b");
  EXPECT_TRUE(schedule.assign("a", 5));
}

TEST(Schedule, ADeadlineEndsTheRoundWithTheLeastNumberOfResults) {
  Schedule schedule = wire({.deadline_s = 10, .min_results = 0.5});
  const auto first = *schedule.assign("a", 0);
  const auto second = *schedule.assign("a", 0);
  const auto third = *schedule.assign("a", 0);
  schedule.complete(first.task, first.attempt, "a");
  EXPECT_FALSE(schedule.close(10)) << "two of three are needed";
  schedule.complete(second.task, second.attempt, "a");
  EXPECT_FALSE(schedule.close(9.9)) << "before the deadline all are needed";
  EXPECT_TRUE(schedule.close(10));
  EXPECT_EQ(schedule.complete(third.task, third.attempt, "a"), Completion::stale);
  EXPECT_EQ(schedule.counts().dropped, 1);
  EXPECT_TRUE(schedule.close(0)) << "closed stays closed";
  EXPECT_THAT(schedule.in_hand(), ElementsAre(10, 11));
}

TEST(Schedule, WithoutADeadlineTheRoundWaits) {
  Schedule schedule = wire({.min_results = 0});
  schedule.assign("a", 0);
  EXPECT_FALSE(schedule.close(1e12));
}

TEST(Schedule, ADeadlineNeedsAtLeastOneResult) {
  Schedule schedule = wire({.deadline_s = 1, .min_results = 0});
  EXPECT_FALSE(schedule.close(2));
}

TEST(Schedule, PastTheDeadlineFusedWorkersFlushWhatTheyHave) {
  Schedule schedule = fused({.deadline_s = 10, .min_results = 0.6});
  const auto first = *schedule.assign("a", 0);
  const auto second = *schedule.assign("b", 0);
  schedule.complete(first.task, first.attempt, "a");
  EXPECT_FALSE(schedule.should_flush(10)) << "two are needed";
  schedule.complete(second.task, second.attempt, "b");
  EXPECT_FALSE(schedule.should_flush(9));
  EXPECT_TRUE(schedule.should_flush(10));
  EXPECT_THAT(schedule.unflushed(), ElementsAre("a", "b"));
  EXPECT_FALSE(schedule.close(10));
  schedule.flush("a", std::vector<TaskId>{first.task});
  schedule.flush("b", std::vector<TaskId>{second.task});
  EXPECT_TRUE(schedule.close(10));
}

TEST(Schedule, AShareOfTheTasksIsNotRoundedUpByAccident) {
  std::vector<TaskSpec> ten;
  for (TaskId id = 0; id < 10; ++id) ten.push_back({.id = id});
  Schedule schedule(ten, {.deadline_s = 1, .min_results = 0.7}, Fidelity::wire, 0);
  for (int i = 0; i < 7; ++i) {
    EXPECT_FALSE(schedule.close(2));
    const auto given = *schedule.assign("a", 0);
    schedule.complete(given.task, given.attempt, "a");
  }
  EXPECT_TRUE(schedule.close(2));
}

TEST(Schedule, RepeatedTaskIdsAreAnError) {
  EXPECT_THROW(Schedule({{.id = 1}, {.id = 1}}, {}, Fidelity::wire, 0), Error);
}

TEST(Schedule, TheDocumentSetsEveryOption) {
  Config config = Config::parse(
      "[s]\nlease_s = 3\naccept_timeout_s = 1\ntask_timeout_s = 2\nmax_failures = 4\ndeadline_s = 5\nmin_results = "
      "0.6\n",
      "run.toml");
  ScheduleOptions options;
  describe(config.section("s"), options);
  config.reject_unknown();
  EXPECT_EQ(options.lease_s, 3);
  EXPECT_EQ(options.accept_timeout_s, 1);
  EXPECT_EQ(options.task_timeout_s, 2);
  EXPECT_EQ(options.max_failures, 4);
  EXPECT_EQ(options.deadline_s, 5);
  EXPECT_EQ(options.min_results, 0.6);
}

}  // namespace
}  // namespace archleak::server
