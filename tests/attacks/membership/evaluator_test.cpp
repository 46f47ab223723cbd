#include "attacks/membership/evaluator.h"

#include <gmock/gmock.h>

#include <boost/math/distributions/normal.hpp>
#include <cmath>
#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>

#include "attacks/membership/bootstrap.h"
#include "core/error.h"
#include "tests/attacks/membership/gaussians.h"

namespace archleak::attacks {
namespace {

using test::two_gaussians;
using testing::DoubleNear;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pointwise;

const EvaluationOptions kNoIntervals{.resamples = 0};

double phi(double x) {
  return boost::math::cdf(boost::math::normal(), x);
}

double phi_inverse(double p) {
  return boost::math::quantile(boost::math::normal(), p);
}

Evaluation evaluate_table(const ScoreTable& table, const EvaluationOptions& options = kNoIntervals) {
  return evaluate(table.scores, table.member, options);
}

std::vector<double> values_of(const Metrics& metrics) {
  std::vector<double> values;
  for (const MetricField& field : metric_fields()) values.push_back(metrics.*field.value);
  return values;
}

/// Scores on few levels: many ties.
ScoreTable tied(uint64_t seed) {
  ScoreTable table = two_gaussians(150, 250, 1, seed);
  for (double& score : table.scores) score = std::round(2 * score);
  return table;
}

TEST(Roc, AgreesWithScikitLearnOnRandomScoresWithTies) {
  std::ifstream file(ARCHLEAK_SOURCE_DIR "/tests/attacks/membership/golden_metrics.json");
  const auto cases = nlohmann::json::parse(file);
  ASSERT_EQ(cases.size(), 12);
  for (const auto& golden : cases) {
    const std::vector<double> scores = golden["score"];
    const std::vector<uint8_t> member = golden["member"];
    const RocCurve curve = roc(rank(scores, member));
    EXPECT_THAT(curve.fpr, Pointwise(DoubleNear(1e-12), golden["fpr"].get<std::vector<double>>()));
    EXPECT_THAT(curve.tpr, Pointwise(DoubleNear(1e-12), golden["tpr"].get<std::vector<double>>()));
    EXPECT_EQ(curve.thresholds.front(), std::numeric_limits<double>::infinity());
    EXPECT_EQ(std::vector(curve.thresholds.begin() + 1, curve.thresholds.end()),
              golden["thresholds"].get<std::vector<double>>());
    EvaluationOptions options = kNoIntervals;
    options.threshold = golden["threshold"].get<double>();
    const Evaluation found = evaluate(scores, member, options);
    for (const MetricField& field : metric_fields()) {
      EXPECT_NEAR(found.value.*field.value, golden["metrics"].at(field.name).get<double>(), 1e-12) << field.name;
    }
  }
}

class TwoGaussians : public testing::TestWithParam<double> {};

TEST_P(TwoGaussians, GiveTheMetricsOfTheirClosedForms) {
  const double distance = GetParam();
  constexpr int64_t kEach = 200000;
  const Evaluation found = evaluate_table(two_gaussians(kEach, kEach, distance, 7));
  EXPECT_NEAR(found.value.auc, phi(distance / std::sqrt(2)), 4 * std::sqrt(1.0 / (6 * kEach)));
  const auto expect_tpr = [&](double tpr, double fpr) {
    const double place = distance + phi_inverse(fpr), expected = phi(place);
    // The threshold is one of so many non-members; its error moves the rate by the ratio of the densities.
    const double ratio = std::exp(phi_inverse(fpr) * phi_inverse(fpr) / 2 - place * place / 2);
    const double variance = (expected * (1 - expected) + ratio * ratio * fpr * (1 - fpr)) / kEach;
    EXPECT_NEAR(tpr, expected, 4 * std::sqrt(variance)) << "at a false-positive rate of " << fpr;
  };
  expect_tpr(found.value.tpr_at_1_percent, 0.01);
  expect_tpr(found.value.tpr_at_1_permille, 0.001);
  EXPECT_NEAR(found.value.oracle_balanced_accuracy, phi(distance / 2), 0.004);
  EvaluationOptions halfway = kNoIntervals;
  halfway.threshold = distance / 2;
  EXPECT_NEAR(evaluate_table(two_gaussians(kEach, kEach, distance, 7), halfway).value.balanced_accuracy,
              phi(distance / 2), 4 * std::sqrt(0.5 * 0.25 / kEach));
}

INSTANTIATE_TEST_SUITE_P(Distances, TwoGaussians, testing::Values(0.0, 0.5, 1.5, 3.0));

TEST(Evaluator, CountsATieAsHalfInTheArea) {
  // Pairs: 3 over 2 wins, 3 over 1 wins, 2 over 2 ties, 2 over 1 wins.
  const std::vector<double> scores{3, 2, 2, 1};
  const std::vector<uint8_t> member{1, 1, 0, 0};
  EXPECT_DOUBLE_EQ(evaluate(scores, member, kNoIntervals).value.auc, 3.5 / 4);
}

/// As many members as non-members that take turns, a member first.
ScoreTable alternating(int64_t each) {
  ScoreTable table;
  for (int64_t i = 0; i < 2 * each; ++i) {
    table.scores.push_back(-static_cast<double>(i));
    table.member.push_back(i % 2 == 0);
  }
  return table;
}

TEST(Evaluator, TakesTheRateAtOrBelowTheAllowedOne) {
  const Metrics few = evaluate_table(alternating(100)).value;
  EXPECT_DOUBLE_EQ(few.tpr_at_1_percent, 0.02);  // one false positive of 100 is allowed
  EXPECT_DOUBLE_EQ(few.tpr_at_1_permille, 0.01);
  EXPECT_DOUBLE_EQ(few.tpr_at_zero, 0.01);
  const Metrics many = evaluate_table(alternating(1000)).value;
  EXPECT_DOUBLE_EQ(many.tpr_at_1_percent, 0.011);
  EXPECT_DOUBLE_EQ(many.tpr_at_1_permille, 0.002);
  EXPECT_DOUBLE_EQ(many.tpr_at_zero, 0.001);
}

TEST(Evaluator, TakesTheLargestOfSeveralBestThresholds) {
  EXPECT_EQ(best_threshold(rank(std::vector<double>{4, 3, 2, 1}, std::vector<uint8_t>{1, 0, 1, 0})), 4);
}

TEST(Evaluator, HasNoTruePositivesAtLowRatesWhenTheBestScoreIsTied) {
  const std::vector<double> scores{1, 1, 0, 0};
  const std::vector<uint8_t> member{1, 0, 1, 0};
  const Metrics metrics = evaluate(scores, member, kNoIntervals).value;
  EXPECT_EQ(metrics.tpr_at_1_percent, 0);
  EXPECT_EQ(metrics.auc, 0.5);
}

TEST(Evaluator, SaysWhoseThresholdItTook) {
  const ScoreTable table = tied(1);
  const Evaluation oracle = evaluate_table(table);
  EXPECT_TRUE(oracle.oracle);
  EXPECT_EQ(oracle.value.advantage, oracle.value.oracle_advantage);
  EXPECT_EQ(oracle.value.balanced_accuracy, oracle.value.oracle_balanced_accuracy);
  EvaluationOptions options = kNoIntervals;
  options.threshold = 3;
  const Evaluation given = evaluate_table(table, options);
  EXPECT_FALSE(given.oracle);
  EXPECT_EQ(given.threshold, 3);
  EXPECT_LT(given.value.advantage, given.value.oracle_advantage);
  EXPECT_EQ(given.value.oracle_advantage, oracle.value.oracle_advantage);
}

TEST(Evaluator, HasNoPrecisionWhereNobodyIsCalledAMember) {
  EvaluationOptions options{.threshold = 1e9, .resamples = 10};
  const Evaluation found = evaluate_table(tied(1), options);
  EXPECT_TRUE(std::isnan(found.value.precision));
  EXPECT_TRUE(std::isnan(found.low.precision));
  EXPECT_EQ(found.value.f1, 0);
  EXPECT_EQ(found.value.recall, 0);
  EXPECT_DOUBLE_EQ(found.value.accuracy, 250.0 / 400);
}

TEST(Evaluator, DoesNotChangeUnderMonotoneTransforms) {
  for (uint64_t seed = 1; seed <= 5; ++seed) {
    const ScoreTable table = tied(seed);
    for (double (*transform)(double) : {+[](double x) { return std::exp(x); }, +[](double x) { return x * x * x; },
                                        +[](double x) { return 1e6 + 3 * x; }}) {
      ScoreTable moved = table;
      for (double& score : moved.scores) score = transform(score);
      const EvaluationOptions options{.resamples = 50};
      const Evaluation before = evaluate_table(table, options), after = evaluate_table(moved, options);
      EXPECT_EQ(values_of(before.value), values_of(after.value));
      EXPECT_EQ(values_of(before.low), values_of(after.low));
    }
  }
}

TEST(Evaluator, TurnsTheAreaAroundWithTheScores) {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    ScoreTable table = tied(seed);
    const double area = evaluate_table(table).value.auc;
    for (double& score : table.scores) score = -score;
    EXPECT_NEAR(evaluate_table(table).value.auc, 1 - area, 1e-15);
  }
}

TEST(Evaluator, DoesNotDependOnTheOrderOfTheSamples) {
  const ScoreTable table = tied(3);
  ScoreTable reversed;
  reversed.scores.assign(table.scores.rbegin(), table.scores.rend());
  reversed.member.assign(table.member.rbegin(), table.member.rend());
  const EvaluationOptions options{.resamples = 50};
  EXPECT_EQ(values_of(evaluate_table(table, options).high), values_of(evaluate_table(reversed, options).high));
}

TEST(Evaluator, RefusesWhatHasNoMetrics) {
  const auto message = [](std::vector<double> scores, std::vector<uint8_t> member) {
    try {
      evaluate(scores, member, kNoIntervals);
    } catch (const DataError& error) {
      return std::string(error.what());
    }
    return std::string("no error");
  };
  EXPECT_THAT(message({}, {}), HasSubstr("got 0 members and 0 non-members"));
  EXPECT_THAT(message({1, 2}, {1, 1}), HasSubstr("got 2 members and 0 non-members"));
  EXPECT_THAT(message({1, 2}, {1}), HasSubstr("each of 2 scores, got 1"));
  EXPECT_THAT(message({1, NAN}, {1, 0}), HasSubstr("got nan at index 1"));
  EXPECT_THAT(message({-INFINITY, 1}, {1, 0}), HasSubstr("got -inf at index 0"));
  EXPECT_THROW(evaluate_table(tied(1), {.resamples = -1}), ConfigError);
  EXPECT_THROW(evaluate_table(tied(1), {.confidence = 1}), ConfigError);
  EXPECT_THROW(evaluate_table(tied(1), {.threshold = NAN}), ConfigError);
}

TEST(Bootstrap, GivesTheSameBitsForTheSameSeedAndOthersForAnother) {
  const ScoreTable table = tied(2);
  const auto ends = [&](uint64_t seed) { return evaluate_table(table, {.resamples = 200, .seed = seed}); };
  EXPECT_EQ(values_of(ends(5).low), values_of(ends(5).low));
  EXPECT_EQ(values_of(ends(5).high), values_of(ends(5).high));
  EXPECT_NE(values_of(ends(5).low), values_of(ends(6).low));
}

TEST(Bootstrap, IsAsWideAsTheErrorOfARate) {
  // Recall at a given threshold is a rate among members: a deviation of sqrt(p (1 - p) / n).
  const ScoreTable table = two_gaussians(2000, 500, 0, 4);
  const Evaluation found = evaluate_table(table, {.threshold = 0.5, .resamples = 4000});
  const double deviation = std::sqrt(found.value.recall * (1 - found.value.recall) / 2000);
  EXPECT_NEAR(found.high.recall - found.low.recall, 2 * 1.96 * deviation, 0.15 * 2 * 1.96 * deviation);
  const double other = std::sqrt(found.value.fpr * (1 - found.value.fpr) / 500);
  EXPECT_NEAR(found.high.fpr - found.low.fpr, 2 * 1.96 * other, 0.15 * 2 * 1.96 * other);
}

TEST(Bootstrap, HoldsOneHalfInAboutNinetyFiveOfAHundredAuditsOfAModelThatSawNobody) {
  int covered = 0;
  for (uint64_t seed = 1; seed <= 100; ++seed) {
    const Evaluation found = evaluate_table(two_gaussians(300, 300, 0, seed), {.resamples = 500, .seed = seed});
    covered += found.low.auc <= 0.5 && 0.5 <= found.high.auc;
  }
  // Binomial with 95 %: outside of 88 to 100 about once in a thousand; below, intervals are too short.
  EXPECT_GE(covered, 88);
  EXPECT_LT(covered, 100) << "intervals that always hold are too long";
}

TEST(Slices, AreByClassInTheirOrderAndByCorrectness) {
  const ScoreTable table{.scores = {5, 4, 3, 2, 1, 0},
                         .member = {1, 0, 1, 0, 1, 1},
                         .labels = {"10", "10", "9", "9", "(cat)", "(cat)"},
                         .correct = {1, 1, 1, 0, 0, 0}};
  const auto slices = evaluate_slices(table, kNoIntervals);
  std::vector<std::string> names;
  for (const Slice& slice : slices) names.push_back(slice.by + " " + slice.level);
  EXPECT_THAT(names, ElementsAre("all all", "label 9", "label 10", "label (cat)", "correct 0", "correct 1"));
  EXPECT_EQ(slices[2].evaluation->value.auc, 1);
  EXPECT_FALSE(slices[3].evaluation) << "a slice of members alone has no metrics";
  EXPECT_EQ(slices[3].members, 2);
  EXPECT_EQ(slices[4].members, 2);
  EXPECT_EQ(slices[4].nonmembers, 1);
  EXPECT_EQ(slices[4].evaluation->value.auc, 0);
}

TEST(Slices, PutEachPartOfTheMembersBesideAllNonMembers) {
  const ScoreTable table{.scores = {5, 4, 3, 2, 1, 0},
                         .member = {1, 0, 1, 0, 1, 1},
                         .parts = {"weights", "", "architecture", "", "architecture", ""}};
  const auto slices = evaluate_slices(table, kNoIntervals);
  ASSERT_EQ(slices.size(), 3) << "the whole, and two parts: the last member is of none";
  EXPECT_EQ(slices[1].by, "part");
  EXPECT_EQ(slices[1].level, "architecture");
  EXPECT_EQ(slices[1].members, 2);
  EXPECT_EQ(slices[1].nonmembers, 2);
  EXPECT_EQ(slices[1].evaluation->value.auc, 0.25);
  EXPECT_EQ(slices[2].level, "weights");
  EXPECT_EQ(slices[2].members, 1);
  EXPECT_EQ(slices[2].nonmembers, 2);
  EXPECT_EQ(slices[2].evaluation->value.auc, 1);
}

TEST(Slices, AreMeasuredAsATableOfTheirOwn) {
  ScoreTable table = tied(1), own;
  for (size_t i = 0; i < table.scores.size(); ++i) {
    table.labels.push_back(i % 3 == 0 ? "a" : "b");
    if (i % 3 != 0) continue;
    own.scores.push_back(table.scores[i]);
    own.member.push_back(table.member[i]);
  }
  const auto slices = evaluate_slices(table, {.resamples = 20});
  ASSERT_EQ(slices.size(), 3);
  EXPECT_EQ(values_of(slices[1].evaluation->value), values_of(evaluate_table(own).value));
  EXPECT_NE(values_of(slices[1].evaluation->low), values_of(slices[0].evaluation->low));
}

TEST(Slices, RefuseColumnsOfOtherLengthsAndIdsForClasses) {
  ScoreTable table = tied(1);
  table.labels = {"a"};
  EXPECT_THROW(evaluate_slices(table, kNoIntervals), DataError);
  table.labels = {};
  table.parts = {"a"};
  EXPECT_THROW(evaluate_slices(table, kNoIntervals), DataError);
  table = two_gaussians(600, 600, 0, 1);
  for (size_t i = 0; i < table.scores.size(); ++i) table.labels.push_back(std::to_string(i));
  EXPECT_THROW(evaluate_slices(table, kNoIntervals), DataError);
}

}  // namespace
}  // namespace archleak::attacks
