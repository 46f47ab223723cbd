#include "attacks/membership/threshold_attack.h"

#include <gmock/gmock.h>

#include <cmath>

#include "attacks/membership/evaluator.h"
#include "core/error.h"
#include "tests/attacks/membership/gaussians.h"

namespace archleak::attacks {
namespace {

using testing::DoubleNear;
using testing::Each;
using testing::ElementsAre;

constexpr ThresholdSignal kSignals[]{ThresholdSignal::confidence, ThresholdSignal::loss, ThresholdSignal::entropy,
                                     ThresholdSignal::modified_entropy, ThresholdSignal::correctness};

/// One sample with these probabilities.
Signals one(const std::vector<double>& probabilities, int64_t label) {
  return {.classes = static_cast<int64_t>(probabilities.size()),
          .logits = logits_of(probabilities),
          .labels = {label},
          .member = {1}};
}

/// A model that is surer of members; how sure, and by how much, depends on the class.
Signals overfitted(int64_t samples, uint64_t seed) {
  RandomEngine engine = make_engine({.seed = seed, .purpose = "overfitted"});
  Signals signals{.classes = 4};
  for (int64_t i = 0; i < samples; ++i) {
    signals.labels.push_back(i % 4);
    signals.member.push_back(i / 4 % 2 == 0);
    for (int64_t c = 0; c < 4; ++c) {
      const bool own = c == i % 4;
      const double sure = own ? 2.0 * static_cast<double>(c) + (signals.member.back() ? 2 : 0) : 0;
      signals.logits.push_back(sure + test::normal(engine));
    }
  }
  return signals;
}

TEST(ThresholdSignals, AreTheirFormulas) {
  const Signals signals = one({0.7, 0.2, 0.1}, 1);
  EXPECT_THAT(threshold_signal(ThresholdSignal::confidence, signals), ElementsAre(DoubleNear(std::log(0.7), 1e-12)));
  EXPECT_THAT(threshold_signal(ThresholdSignal::loss, signals), ElementsAre(DoubleNear(std::log(0.2), 1e-12)));
  EXPECT_THAT(threshold_signal(ThresholdSignal::entropy, signals),
              ElementsAre(DoubleNear(0.7 * std::log(0.7) + 0.2 * std::log(0.2) + 0.1 * std::log(0.1), 1e-12)));
  EXPECT_THAT(threshold_signal(ThresholdSignal::modified_entropy, signals),
              ElementsAre(DoubleNear(0.8 * std::log(0.2) + 0.7 * std::log(0.3) + 0.1 * std::log(0.9), 1e-12)));
  EXPECT_THAT(threshold_signal(ThresholdSignal::correctness, signals), ElementsAre(0));
  EXPECT_THAT(threshold_signal(ThresholdSignal::correctness, one({0.4, 0.6}, 1)), ElementsAre(1));
  EXPECT_THAT(loss(signals), ElementsAre(DoubleNear(-std::log(0.2), 1e-12)));
  EXPECT_THAT(scaled_confidence(signals), ElementsAre(DoubleNear(std::log(0.2 / 0.8), 1e-12)));
}

TEST(ThresholdSignals, DoNotSaturateWhereProbabilitiesRoundToOne) {
  const Signals sure{.classes = 3, .logits = {60, 0, 0, 900, 0, 0}, .labels = {0, 0}, .member = {1, 0}};
  EXPECT_THAT(scaled_confidence(sure),
              ElementsAre(DoubleNear(60 - std::log(2), 1e-9), DoubleNear(900 - std::log(2), 1e-9)));
  const Signals wrong{.classes = 3, .logits = {60, 0, 0, 900, 0, 0}, .labels = {1, 2}, .member = {1, 0}};
  EXPECT_THAT(threshold_signal(ThresholdSignal::modified_entropy, wrong),
              ElementsAre(DoubleNear(-120 + std::log(2), 1e-6), DoubleNear(-1800 + std::log(2), 1e-6)));
  for (const auto kind : kSignals) {
    for (const double value : threshold_signal(kind, wrong)) EXPECT_TRUE(std::isfinite(value));
  }
}

TEST(ThresholdSignals, DoNotChangeWithAConstantOnTheLogits) {
  const Signals plain = overfitted(40, 1);
  Signals moved = plain;
  for (double& logit : moved.logits) logit += 700;
  for (const auto kind : kSignals) {
    EXPECT_THAT(threshold_signal(kind, moved), testing::Pointwise(DoubleNear(1e-9), threshold_signal(kind, plain)));
  }
}

TEST(Thresholds, LieHalfwayBetweenTheSignalsThatTheySeparate) {
  const std::vector<double> signal{4, 3, 2, 1};
  const std::vector<uint8_t> member{1, 1, 0, 0};
  const std::vector<int64_t> labels(4, 0);
  EXPECT_THAT(fit_thresholds(signal, labels, member, 1, ThresholdScope::global).by_class, ElementsAre(2.5));
}

TEST(Thresholds, AreOfTheClassWhereItHasMembersAndNonMembers) {
  const std::vector<double> signal{4, 3, 14, 13, 9};
  const std::vector<uint8_t> member{1, 0, 1, 0, 1};
  const std::vector<int64_t> labels{0, 0, 1, 1, 2};
  const auto global = fit_thresholds(signal, labels, member, 4, ThresholdScope::global).by_class;
  EXPECT_THAT(global, testing::AllOf(testing::SizeIs(4), Each(global[0])));
  const auto own = fit_thresholds(signal, labels, member, 4, ThresholdScope::per_class).by_class;
  EXPECT_THAT(own, ElementsAre(3.5, 13.5, global[0], global[0]));
}

class EveryThresholdAttack : public testing::TestWithParam<ThresholdSignal> {};

TEST_P(EveryThresholdAttack, TellsMembersOfAnOverfittedTargetByItsShadows) {
  const Signals shadow = overfitted(4000, 1), target = overfitted(4000, 2);
  for (const auto scope : {ThresholdScope::global, ThresholdScope::per_class}) {
    const auto scores = threshold_attack(GetParam(), scope, shadow, target);
    const auto found = evaluate(scores, target.member, {.threshold = 0, .resamples = 0});
    EXPECT_GT(found.value.advantage, 0.1);
    EXPECT_LE(found.value.advantage, found.value.oracle_advantage);
  }
}

TEST_P(EveryThresholdAttack, DoesNotLookAtTheTargetsMembers) {
  const Signals shadow = overfitted(200, 1);
  Signals target = overfitted(200, 2);
  const auto before = threshold_attack(GetParam(), ThresholdScope::per_class, shadow, target);
  std::fill(target.member.begin(), target.member.end(), 0);
  EXPECT_EQ(threshold_attack(GetParam(), ThresholdScope::per_class, shadow, target), before);
}

INSTANTIATE_TEST_SUITE_P(Signals, EveryThresholdAttack, testing::ValuesIn(kSignals));

TEST(ThresholdAttack, GainsFromThresholdsOfTheClassWhereClassesDiffer) {
  const Signals shadow = overfitted(4000, 1), target = overfitted(4000, 2);
  const auto advantage = [&](ThresholdScope scope) {
    const auto scores = threshold_attack(ThresholdSignal::loss, scope, shadow, target);
    return evaluate(scores, target.member, {.threshold = 0, .resamples = 0}).value.advantage;
  };
  EXPECT_GT(advantage(ThresholdScope::per_class), advantage(ThresholdScope::global) + 0.1);
}

TEST(ThresholdAttack, RefusesSignalsThatAreNone) {
  const Signals good = overfitted(40, 1);
  const auto refused = [&](const Signals& target) {
    EXPECT_THROW(threshold_attack(ThresholdSignal::loss, ThresholdScope::global, good, target), DataError);
  };
  Signals bad = good;
  bad.logits.pop_back();
  refused(bad);
  bad = good;
  bad.logits[3] = NAN;
  refused(bad);
  bad = good;
  bad.labels[0] = 4;
  refused(bad);
  refused(one({0.5, 0.5}, 0));
  refused({.classes = 1, .logits = {1}, .labels = {0}, .member = {1}});
  EXPECT_THROW(logits_of(std::vector<double>{0.5, 1.5}), DataError);
  EXPECT_THROW(logits_of(std::vector<double>{NAN}), DataError);
}

}  // namespace
}  // namespace archleak::attacks
