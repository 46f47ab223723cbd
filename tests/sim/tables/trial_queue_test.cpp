#include "sim/tables/trial_queue.h"

#include <gtest/gtest.h>

namespace archleak::sim {
namespace {

TEST(TrialQueue, DealsOutTrialsInTheirOrderToOneThread) {
  TrialQueue queue({7, 7, 8, 8});
  for (const size_t expected : {0, 1, 2, 3}) {
    const auto trial = queue.take();
    EXPECT_EQ(trial, expected);
    queue.end(*trial);
  }
  EXPECT_EQ(queue.take(), std::nullopt);
}

TEST(TrialQueue, ThreadsAreAtDifferentSeedsWhileThereAreAny) {
  TrialQueue queue({7, 7, 7, 8, 8});
  EXPECT_EQ(queue.take(), 0u);
  EXPECT_EQ(queue.take(), 3u) << "the first of another seed";
  queue.end(0);
  EXPECT_EQ(queue.take(), 1u);
  queue.end(3);
  EXPECT_EQ(queue.take(), 4u);
  EXPECT_EQ(queue.take(), 2u) << "both seeds are taken, and a thread is free";
  EXPECT_EQ(queue.take(), std::nullopt);
}

TEST(TrialQueue, ASeedIsTakenAsLongAsOneOfItsTrialsRuns) {
  TrialQueue queue({7, 7, 7, 8, 8});
  for (const size_t expected : {0, 3, 1}) EXPECT_EQ(queue.take(), expected);
  queue.end(0);
  queue.end(3);
  EXPECT_EQ(queue.take(), 4u) << "trial 1 still runs";
  EXPECT_EQ(queue.take(), 2u) << "nothing else is left";
  EXPECT_EQ(queue.take(), std::nullopt);
}

TEST(TrialQueue, AClosedOneHasNoneLeft) {
  TrialQueue queue({1, 2, 3});
  queue.take();
  queue.close();
  EXPECT_EQ(queue.take(), std::nullopt);
  queue.end(0);
}

}  // namespace
}  // namespace archleak::sim
