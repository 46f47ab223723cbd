#include "defenses/dp_sgd.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>

#include "core/error.h"
#include "core/random.h"

namespace archleak::defenses {
namespace {

constexpr double kDelta = 1e-5;
const std::vector<int64_t> kWarmUp(5, 0);  // then alpha has its turn in every round

/// Three clients of different sizes that take five steps in each of twenty rounds; the last is never selected.
std::vector<ClientSchedule> clients() {
  return {{.weights = {0.05, 5}, .alpha = {0.1, 5}, .rounds = 20, .alpha_turns = 15},
          {.weights = {0.02, 5}, .alpha = {0.04, 5}, .rounds = 20, .alpha_turns = 15},
          {.weights = {1, 5}, .alpha = {1, 5}, .rounds = 0, .alpha_turns = 0}};
}

double by_hand(double noise_multiplier, double rate, int64_t steps) {
  RdpAccountant accountant;
  accountant.record(noise_multiplier, rate, steps);
  return accountant.spent(kDelta).epsilon;
}

TEST(ExampleLedger, SpendsWhatTheAccountantSaysOfTheWorstClientAndHalfAndNeverLess) {
  const std::vector<int64_t> selected{0, 1};
  for (const double alpha_noise : {0.8, 4.0}) {
    ExampleLedger ledger(
        plan_dp_sgd({.noise_multiplier = 1.1, .alpha_noise_multiplier = alpha_noise}, clients(), kWarmUp));
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
  ExampleLedger ledger(plan_dp_sgd({.noise_multiplier = 1.1, .alpha_noise_multiplier = 100}, clients(), {}));
  for (int64_t round = 0; round < 9; ++round) ledger.count_round(round, std::vector<int64_t>{1}, 1);
  EXPECT_EQ(ledger.spent().epsilon, by_hand(1.1, 0.02, 45));
  ledger.count_round(9, std::vector<int64_t>{0}, 1);
  EXPECT_EQ(ledger.spent().epsilon, std::max(by_hand(1.1, 0.02, 45), by_hand(1.1, 0.05, 5)));
  EXPECT_THROW(ledger.count_round(10, std::vector<int64_t>{3}, 1), Error);
}

TEST(ExampleLedger, OverAnyTurnsAndCohortsEpsilonNeverFallsAndCountsEachClientsOwn) {
  RandomEngine engine = make_engine({.seed = 1, .purpose = "turns and cohorts"});
  for (int trial = 0; trial < 20; ++trial) {
    std::vector<int64_t> turns;
    for (int64_t round = 0; round < 20; ++round) turns.push_back(uniform_index(4, engine));
    ExampleLedger ledger(plan_dp_sgd({.noise_multiplier = 2, .alpha_noise_multiplier = 1}, clients(), turns));
    std::map<int64_t, std::pair<int64_t, int64_t>> steps;  // of weights and alpha, by client
    double before = 0;
    for (int64_t round = 0; round < 20; ++round) {
      std::vector<int64_t> selected;
      for (const int64_t client : {0, 1}) {
        if (uniform(engine) < 0.5) selected.push_back(client);
      }
      ledger.count_round(round, selected, 1);
      for (const int64_t client : selected) {
        steps[client].first += 5;
        steps[client].second += 5 * turns[round];
      }
      double worst = 0;
      for (const auto& [client, count] : steps) {
        const auto schedule = clients()[client];
        worst = std::max(worst, by_hand(2, schedule.weights.sampling_rate, count.first));
        if (count.second > 0) worst = std::max(worst, by_hand(1, schedule.alpha.sampling_rate, count.second));
      }
      EXPECT_EQ(ledger.spent().epsilon, worst);
      EXPECT_GE(ledger.spent().epsilon, before);
      before = ledger.spent().epsilon;
    }
  }
}

TEST(ExampleLedger, WithoutNoiseThereIsNoPrivacy) {
  ExampleLedger ledger(plan_dp_sgd({.noise_multiplier = 0}, clients(), {}));
  ledger.count_round(0, std::vector<int64_t>{0}, 1);
  EXPECT_TRUE(std::isinf(ledger.spent().epsilon));
}

TEST(ExampleLedger, ASavedLedgerGivesTheSameFiguresToTheBit) {
  const DpSgdPlan plan = plan_dp_sgd({}, clients(), {0});
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
  const DpSgdPlan plan = plan_dp_sgd({.noise_multiplier = 0, .target_epsilon = 3}, clients(), kWarmUp);
  EXPECT_EQ(plan.weights.noise_multiplier, calibrate_noise(3, kDelta, 0.05, 100));
  EXPECT_EQ(plan.alpha.noise_multiplier, calibrate_noise(3, kDelta, 0.1, 75));
  ExampleLedger ledger(plan);
  for (int64_t round = 0; round < 20; ++round) ledger.count_round(round, std::vector<int64_t>{0, 1}, 2);
  EXPECT_LE(ledger.spent().epsilon, 3);
  EXPECT_GT(ledger.spent().epsilon, 2.98);
  EXPECT_THROW(plan_dp_sgd({.target_epsilon = 1e-6}, clients(), {}), ConfigError);
}

TEST(DpSgdPlan, ATargetLeavesTheNoiseOfAMechanismThatIsNotUsedAlone) {
  std::vector<ClientSchedule> train{{.weights = {0.05, 5}, .rounds = 20}};
  EXPECT_EQ(plan_dp_sgd({.alpha_noise_multiplier = 7, .target_epsilon = 3}, train, {}).alpha.noise_multiplier, 7);
}

}  // namespace
}  // namespace archleak::defenses
