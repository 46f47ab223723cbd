#include "defenses/dp_sgd.h"

#include <gtest/gtest.h>

#include <cmath>

#include "core/error.h"

namespace archleak::defenses {
namespace {

constexpr double kDelta = 1e-5;

/// Three clients of different sizes that take five steps in each of twenty rounds; the last is never selected.
std::vector<ClientSchedule> clients() {
  return {{.weights = {0.05, 5}, .alpha = {0.1, 5}, .rounds = 20, .alpha_rounds = 15},
          {.weights = {0.02, 5}, .alpha = {0.04, 5}, .rounds = 20, .alpha_rounds = 15},
          {.weights = {1, 5}, .alpha = {1, 5}, .rounds = 0, .alpha_rounds = 0}};
}

double by_hand(double noise_multiplier, double rate, int64_t steps) {
  RdpAccountant accountant;
  accountant.record(noise_multiplier, rate, steps);
  return accountant.spent(kDelta).epsilon;
}

TEST(ExampleLedger, SpendsWhatTheAccountantSaysOfTheWorstClientAndHalfAndNeverLess) {
  const std::vector<int64_t> selected{0, 1};
  for (const double alpha_noise : {0.8, 4.0}) {
    ExampleLedger ledger(plan_dp_sgd({.noise_multiplier = 1.1, .alpha_noise_multiplier = alpha_noise}, clients(), 5));
    EXPECT_EQ(ledger.spent().epsilon, 0);
    double before = 0;
    for (int64_t round = 0; round < 20; ++round) {
      ledger.count_round(round, selected, 1);
      const double weights = by_hand(1.1, 0.05, 5 * (round + 1));
      const double alpha = round < 5 ? 0 : by_hand(alpha_noise, 0.1, 5 * (round - 4));
      EXPECT_EQ(ledger.spent().epsilon, std::max(weights, alpha)) << "halves are disjoint: the larger counts";
      EXPECT_GE(ledger.spent().epsilon, before);
      before = ledger.spent().epsilon;
    }
    const bool alpha_is_worse = by_hand(alpha_noise, 0.1, 75) > by_hand(1.1, 0.05, 100);
    EXPECT_EQ(alpha_is_worse, alpha_noise < 1) << "both cases are seen";
  }
}

TEST(ExampleLedger, CountsAClientOnlyInItsOwnRounds) {
  ExampleLedger ledger(plan_dp_sgd({.noise_multiplier = 1.1, .alpha_noise_multiplier = 100}, clients(), 0));
  for (int64_t round = 0; round < 9; ++round) ledger.count_round(round, std::vector<int64_t>{1}, 1);
  EXPECT_EQ(ledger.spent().epsilon, by_hand(1.1, 0.02, 45));
  ledger.count_round(9, std::vector<int64_t>{0}, 1);
  EXPECT_EQ(ledger.spent().epsilon, std::max(by_hand(1.1, 0.02, 45), by_hand(1.1, 0.05, 5)));
  EXPECT_THROW(ledger.count_round(10, std::vector<int64_t>{3}, 1), Error);
}

TEST(ExampleLedger, WithoutNoiseThereIsNoPrivacy) {
  ExampleLedger ledger(plan_dp_sgd({.noise_multiplier = 0}, clients(), 0));
  ledger.count_round(0, std::vector<int64_t>{0}, 1);
  EXPECT_TRUE(std::isinf(ledger.spent().epsilon));
}

TEST(ExampleLedger, ASavedLedgerGivesTheSameFiguresToTheBit) {
  const DpSgdPlan plan = plan_dp_sgd({}, clients(), 1);
  ExampleLedger ledger(plan);
  for (int64_t round = 0; round < 4; ++round) ledger.count_round(round, std::vector<int64_t>{0, 1}, 2);
  ExampleLedger restored(plan);
  restored.load(ledger.save());
  EXPECT_EQ(restored.spent().epsilon, ledger.spent().epsilon);
  EXPECT_EQ(restored.save(), ledger.save());
  const std::string bytes = ledger.save();
  for (size_t length = 0; length < bytes.size(); ++length) {
    EXPECT_THROW(restored.load(bytes.substr(0, length)), CheckpointError);
  }
  EXPECT_THROW(restored.load(bytes + "x"), CheckpointError);
  EXPECT_EQ(restored.save(), ledger.save());
}

TEST(DpSgdPlan, ATargetIsMetByTheWorstClientAndHardlyUndercut) {
  const DpSgdPlan plan = plan_dp_sgd({.noise_multiplier = 0, .target_epsilon = 3}, clients(), 5);
  EXPECT_EQ(plan.weights.noise_multiplier, calibrate_noise(3, kDelta, 0.05, 100));
  EXPECT_EQ(plan.alpha.noise_multiplier, calibrate_noise(3, kDelta, 0.1, 75));
  ExampleLedger ledger(plan);
  for (int64_t round = 0; round < 20; ++round) ledger.count_round(round, std::vector<int64_t>{0, 1}, 2);
  EXPECT_LE(ledger.spent().epsilon, 3);
  EXPECT_GT(ledger.spent().epsilon, 2.98);
  EXPECT_THROW(plan_dp_sgd({.target_epsilon = 1e-6}, clients(), 0), ConfigError);
}

TEST(DpSgdPlan, ATargetLeavesTheNoiseOfAMechanismThatIsNotUsedAlone) {
  std::vector<ClientSchedule> train{{.weights = {0.05, 5}, .rounds = 20}};
  EXPECT_EQ(plan_dp_sgd({.alpha_noise_multiplier = 7, .target_epsilon = 3}, train, 0).alpha.noise_multiplier, 7);
}

}  // namespace
}  // namespace archleak::defenses
