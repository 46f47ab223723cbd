#include "defenses/privacy.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "core/error.h"
#include "core/random.h"
#include "defenses/update_transform.h"

namespace archleak::defenses {
namespace {

constexpr Participation kTenOfHundred{.clients = 100, .cohort = 10, .sampled = true, .rounds = 200, .most_rounds = 40};

DefenseOptions options(Guard guard, double noise_multiplier = 2, double target_epsilon = 0) {
  return {.transforms = {Transform::clip_noise},
          .clip_noise = {
              .clip = 3, .noise_multiplier = noise_multiplier, .target_epsilon = target_epsilon, .guard = guard}};
}

TEST(PrivacyPlan, ThereIsNoneWithoutClipNoise) {
  EXPECT_FALSE(plan_privacy({.transforms = {Transform::noise, Transform::top_k}}, kTenOfHundred));
}

TEST(PrivacyPlan, EachMessageCarriesAllNoiseAndOfAModelsNoiseEachCarriesAShare) {
  EXPECT_EQ(plan_privacy(options(Guard::messages), kTenOfHundred)->client_std(), 6);
  EXPECT_DOUBLE_EQ(plan_privacy(options(Guard::model), kTenOfHundred)->client_std(), 6 / std::sqrt(10));
}

TEST(PrivacyPlan, OnlyASecretRandomCohortAmplifies) {
  Participation known = kTenOfHundred;
  known.sampled = false;
  EXPECT_EQ(plan_privacy(options(Guard::model), kTenOfHundred)->sampling_rate, 0.1);
  EXPECT_EQ(plan_privacy(options(Guard::model), known)->sampling_rate, 1);
  EXPECT_EQ(plan_privacy(options(Guard::messages), kTenOfHundred)->sampling_rate, 1);
}

TEST(ParticipationLedger, OfTheModelAgreesWithTheAccountantOverAllRounds) {
  ParticipationLedger ledger(*plan_privacy(options(Guard::model), kTenOfHundred));
  RdpAccountant accountant;
  const std::vector<int64_t> cohort(10);
  for (int round = 0; round < 200; ++round) {
    ledger.count_round(0, cohort, 10);
    accountant.record(2, 0.1);
  }
  EXPECT_EQ(ledger.spent().epsilon, accountant.spent(1e-5).epsilon);
}

TEST(ParticipationLedger, OfTheModelSpendsMoreInARoundThatLostClientsWithTheirNoise) {
  ParticipationLedger full(*plan_privacy(options(Guard::model), kTenOfHundred));
  ParticipationLedger torn = full;
  const std::vector<int64_t> cohort(10);
  full.count_round(0, cohort, 10);
  torn.count_round(0, cohort, 5);
  RdpAccountant half;
  half.record(2 * std::sqrt(0.5), 0.1);
  EXPECT_GT(torn.spent().epsilon, full.spent().epsilon);
  EXPECT_EQ(torn.spent().epsilon, half.spent(1e-5).epsilon);
}

TEST(ParticipationLedger, OfMessagesCountsTheClientThatSentMostOften) {
  ParticipationLedger ledger(*plan_privacy(options(Guard::messages), kTenOfHundred));
  for (int64_t round = 0; round < 7; ++round) ledger.count_round(0, std::vector<int64_t>{round, 50}, 2);
  RdpAccountant seven;
  seven.record(2, 1, 7);
  EXPECT_EQ(ledger.spent().epsilon, seven.spent(1e-5).epsilon);
}

TEST(ParticipationLedger, AWholeRunSpendsNoMoreThanItsTarget) {
  for (const Guard guard : {Guard::messages, Guard::model}) {
    ParticipationLedger ledger(*plan_privacy(options(guard, 0, 4), kTenOfHundred));
    const int64_t rounds = guard == Guard::messages ? kTenOfHundred.most_rounds : kTenOfHundred.rounds;
    for (int64_t round = 0; round < rounds; ++round)
      ledger.count_round(0, std::vector<int64_t>{7}, kTenOfHundred.cohort);
    EXPECT_LE(ledger.spent().epsilon, 4);
    EXPECT_GT(ledger.spent().epsilon, 3.98);
  }
}

TEST(ParticipationLedger, ASavedLedgerGivesTheSameFiguresToTheBit) {
  for (const Guard guard : {Guard::messages, Guard::model}) {
    ParticipationLedger ledger(*plan_privacy(options(guard), kTenOfHundred));
    for (int64_t round = 0; round < 5; ++round) ledger.count_round(0, std::vector<int64_t>{1, 2 + round}, 9 - round);
    ParticipationLedger restored(ledger.plan());
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
}

TEST(ParticipationLedger, TheNoiseOfAWholeCohortAddsUpToWhatIsAccountedFor) {
  const auto plan = *plan_privacy(options(Guard::model), kTenOfHundred);
  const UpdateDefense defense(options(Guard::model), plan.client_std());
  const UpdateLayout layout{.weights = 40000};
  std::vector<double> sum(40000);
  for (int64_t client = 0; client < 10; ++client) {
    std::vector<float> update(40000);
    defense.apply(update, layout, {.seed = 1, .round = 1, .client = client});
    for (size_t i = 0; i < update.size(); ++i) sum[i] += update[i];
  }
  double square = 0;
  for (const double value : sum) square += value * value;
  EXPECT_NEAR(std::sqrt(square / 40000) / (plan.noise_multiplier * plan.clip), 1, 0.02);
}

}  // namespace
}  // namespace archleak::defenses
