#include "attacks/membership/best_epoch.h"

#include <gtest/gtest.h>

namespace archleak::attacks {
namespace {

TEST(BestEpoch, IsTheFirstOfThoseWithTheLargestBalancedAccuracy) {
  BestEpoch best;
  EXPECT_EQ(best.epoch(), 0);
  int64_t epoch = 0;
  for (const double balanced_accuracy : {0.4, 0.6, 0.7, 0.5, 0.7, 0.6}) {
    Metrics found;
    found.balanced_accuracy = balanced_accuracy;
    found.auc = balanced_accuracy == 0.5 ? 1 : 0;
    ++epoch;
    best.take(epoch, {static_cast<double>(epoch)}, found);
  }
  EXPECT_EQ(best.epoch(), 3);
  EXPECT_EQ(best.scores(), std::vector<double>{3});
}

TEST(BestEpoch, IsTheOnlyOneHoweverBad) {
  BestEpoch best;
  best.take(7, {1}, Metrics{});
  EXPECT_EQ(best.epoch(), 7);
}

}  // namespace
}  // namespace archleak::attacks
