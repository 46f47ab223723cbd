#include "attacks/membership/network_attack.h"

#include <gtest/gtest.h>

#include "attacks/membership/evaluator.h"
#include "core/error.h"
#include "core/random.h"

namespace archleak::attacks {
namespace {

/// Answers that are surer about members: the label's logit is drawn around `margin` for them, around 0 for others.
Signals signals(int64_t samples, double margin, uint64_t seed) {
  RandomEngine engine = make_engine({.seed = seed, .purpose = "network attack test"});
  Signals made{.classes = 5, .logits = {}, .labels = {}, .member = {}};
  for (int64_t i = 0; i < samples; ++i) {
    made.labels.push_back(uniform_index(5, engine));
    made.member.push_back(i % 2);
    for (int64_t c = 0; c < 5; ++c) {
      made.logits.push_back(uniform(engine) + (c == made.labels.back() && made.member.back() ? margin : 0));
    }
  }
  return made;
}

TEST(NetworkAttack, LearnsOnTheShadowWhatTellsTheTargetsMembers) {
  const auto shadow = signals(600, 1, 1), target = signals(600, 1, 2);
  const auto scores = network_attack(shadow, target, {.epochs = 20});
  const auto found = evaluate(scores, target.member, {.threshold = 0, .resamples = 0});
  EXPECT_GT(found.value.auc, 0.9);
  EXPECT_GT(found.value.balanced_accuracy, 0.8);
}

TEST(NetworkAttack, KnowsNothingWhereThereIsNothingToKnow) {
  const auto target = signals(1000, 0, 2);
  const auto scores = network_attack(signals(1000, 0, 1), target, {.epochs = 10});
  EXPECT_NEAR(evaluate(scores, target.member, {.resamples = 0}).value.auc, 0.5, 0.1);
}

TEST(NetworkAttack, TakesMembersAndNonMembersForEquallyLikelyHoweverManyTheShadowHas) {
  const auto all = signals(2000, 0.3, 1);
  for (const uint8_t rare : {0, 1}) {
    Signals shadow{.classes = all.classes, .logits = {}, .labels = {}, .member = {}};
    for (int64_t i = 0; i < all.samples(); ++i) {
      if (all.member[i] == rare && i % 10 > 1) continue;  // one in five is left
      const auto row = all.row(i);
      shadow.logits.insert(shadow.logits.end(), row.begin(), row.end());
      shadow.labels.push_back(all.labels[i]);
      shadow.member.push_back(all.member[i]);
    }
    const auto target = signals(2000, 0.3, 2);
    const auto found =
        evaluate(network_attack(shadow, target, {.epochs = 10}), target.member, {.threshold = 0, .resamples = 0});
    EXPECT_NEAR(found.value.recall + found.value.fpr, 1, 0.3) << "as many false alarms as members that are missed";
    EXPECT_GT(found.value.balanced_accuracy, found.value.oracle_balanced_accuracy - 0.03);
  }
}

TEST(NetworkAttack, IsThatOfItsSeedAndDoesNotReadTheTargetsMembers) {
  const auto shadow = signals(100, 1, 1);
  auto target = signals(100, 1, 2);
  const auto scores = network_attack(shadow, target, {.epochs = 3, .seed = 7});
  for (auto& flag : target.member) flag = 0;
  EXPECT_EQ(network_attack(shadow, target, {.epochs = 3, .seed = 7}), scores);
  EXPECT_NE(network_attack(shadow, target, {.epochs = 3, .seed = 8}), scores);
}

TEST(NetworkAttack, ShowsTheScoresAfterEachEpochOfItsOneTraining) {
  const auto shadow = signals(100, 1, 1), target = signals(100, 1, 2);
  std::vector<std::vector<double>> by_epoch;
  const auto scores =
      network_attack(shadow, target, {.epochs = 3, .seed = 7}, [&](int64_t epoch, const std::vector<double>& now) {
        by_epoch.push_back(now);
        EXPECT_EQ(epoch, std::ssize(by_epoch));
      });
  ASSERT_EQ(by_epoch.size(), 3);
  for (const int64_t epochs : {1, 2, 3}) {
    EXPECT_EQ(network_attack(shadow, target, {.epochs = epochs, .seed = 7}), by_epoch[epochs - 1]);
  }
  EXPECT_EQ(scores, by_epoch.back());
  EXPECT_NE(by_epoch[0], by_epoch[1]);
}

TEST(NetworkAttack, RefusesAShadowOfOneKindAndOtherClasses) {
  auto shadow = signals(20, 1, 1);
  const auto target = signals(20, 1, 2);
  auto more = target;
  more.classes = 10;
  more.logits.insert(more.logits.end(), target.logits.begin(), target.logits.end());
  EXPECT_THROW(network_attack(shadow, more, {.epochs = 1}), DataError);
  for (auto& flag : shadow.member) flag = 1;
  EXPECT_THROW(network_attack(shadow, target, {.epochs = 1}), DataError);
}

TEST(NetworkAttack, TakesAnswersThatAreCertain) {
  auto shadow = signals(40, 1, 1);
  for (int64_t c = 0; c < 5; ++c) shadow.logits[c] = c == 0 ? 1e4 : -1e4;
  for (const double score : network_attack(shadow, shadow, {.epochs = 2})) EXPECT_TRUE(std::isfinite(score));
}

}  // namespace
}  // namespace archleak::attacks
