#include "server/robust.h"

#include <gmock/gmock.h>

#include "core/error.h"
#include "core/random.h"

namespace archleak::server {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

using Rows = std::vector<std::vector<float>>;

std::vector<std::span<const float>> spans(const Rows& rows) {
  return {rows.begin(), rows.end()};
}

TEST(CoordinateMedian, IsTheMiddleOfEachCoordinate) {
  EXPECT_THAT(coordinate_median(spans({{1, 9}, {5, 7}, {3, 8}})), ElementsAre(3, 8));
  EXPECT_THAT(coordinate_median(spans({{1, 0}, {2, 0}, {4, 1}, {100, 1}})), ElementsAre(3, 0.5f));
  EXPECT_THAT(coordinate_median(spans({{7}})), ElementsAre(7));
}

TEST(TrimmedMean, LeavesOutTheEnds) {
  const Rows rows{{1}, {2}, {3}, {4}, {1000}};
  EXPECT_THAT(trimmed_mean(spans(rows), 0.2), ElementsAre(3));
  EXPECT_THAT(trimmed_mean(spans(rows), 0.4), ElementsAre(3));
  EXPECT_THAT(trimmed_mean(spans(rows), 0), ElementsAre(202));
  EXPECT_THAT(trimmed_mean(spans(rows), 0.19), ElementsAre(202)) << "less than one update is none";
}

TEST(TrimmedMean, AShareOfTheUpdatesIsNotRoundedDownByAccident) {
  Rows rows(30, {1.0f});
  for (int i = 0; i < 3; ++i) rows[i][0] = 1e6f;
  EXPECT_THAT(trimmed_mean(spans(rows), 0.1), ElementsAre(1));
}

TEST(TrimmedMean, HalfOrMoreIsAConfigError) {
  EXPECT_THROW(trimmed_mean(spans({{1}}), 0.5), ConfigError);
  EXPECT_THROW(trimmed_mean(spans({{1}}), -0.1), ConfigError);
}

TEST(KrumScores, SumTheSquaredDistancesToTheNearest) {
  // n = 5, f = 1: the two nearest others count.
  const Rows rows{{0}, {1}, {3}, {6}, {100}};
  EXPECT_THAT(krum_scores(spans(rows), 1), ElementsAre(1 + 9, 1 + 4, 4 + 9, 9 + 25, 94.0 * 94 + 97.0 * 97));
}

TEST(KrumSelect, TakesTheBestScoresAndBreaksTiesByIndex) {
  const Rows rows{{0}, {1}, {3}, {6}, {100}};
  EXPECT_THAT(krum_select(spans(rows), 1, 1), ElementsAre(1));
  EXPECT_THAT(krum_select(spans(rows), 1, 3), ElementsAre(0, 1, 2));
  const Rows equal(5, {2.0f});
  EXPECT_THAT(krum_select(spans(equal), 1, 2), ElementsAre(0, 1));
}

TEST(KrumSelect, TooFewUpdatesAreADataError) {
  const Rows rows(4, {1.0f});
  EXPECT_THROW(krum_scores(spans(rows), 1), DataError);
  EXPECT_THROW(krum_select(spans(Rows(5, {1.0f})), 1, 6), DataError);
  EXPECT_THROW(coordinate_median({}), DataError);
}

TEST(RobustRules, APoisonedMinorityDoesNotMoveTheResultFar) {
  RandomEngine engine = make_engine({.purpose = "robust test"});
  Rows rows(11, std::vector<float>(40));
  for (auto& row : rows) {
    for (auto& value : row) value = static_cast<float>(1 + 0.1 * (uniform(engine) - 0.5));
  }
  for (const size_t bad : {2, 5, 9}) rows[bad].assign(40, -1e4f);
  const auto near_one = testing::Each(testing::FloatNear(1, 0.06f));
  EXPECT_THAT(coordinate_median(spans(rows)), near_one);
  EXPECT_THAT(trimmed_mean(spans(rows), 0.3), near_one);
  EXPECT_THAT(rows[krum_select(spans(rows), 3, 1)[0]], near_one);
  EXPECT_THAT(krum_select(spans(rows), 3, 8), ElementsAre(0, 1, 3, 4, 6, 7, 8, 10));
}

std::string error_of(const RobustOptions& options, Fidelity fidelity, int64_t clients) {
  try {
    validate(options, fidelity, clients);
  } catch (const ConfigError& error) {
    return error.what();
  }
  return "no error";
}

TEST(RobustOptions, RulesThatNeedSingleUpdatesRefuseFusedFidelity) {
  for (const auto rule : {RobustRule::median, RobustRule::trimmed_mean, RobustRule::krum, RobustRule::multi_krum}) {
    EXPECT_THAT(error_of({.rule = rule}, Fidelity::fused, 100), HasSubstr("expected fidelity \"wire\""));
    EXPECT_EQ(error_of({.rule = rule}, Fidelity::wire, 100), "no error");
  }
  EXPECT_THAT(error_of({.norm_bound = 1}, Fidelity::fused, 100), HasSubstr("norm_bound"));
  EXPECT_EQ(error_of({}, Fidelity::fused, 1), "no error");
}

TEST(RobustOptions, KrumNeedsEnoughClients) {
  EXPECT_EQ(minimum_updates({.rule = RobustRule::krum, .byzantine = 2}), 7);
  EXPECT_EQ(minimum_updates({.rule = RobustRule::multi_krum, .byzantine = 2, .selected = 10}), 12);
  EXPECT_EQ(minimum_updates({.rule = RobustRule::median}), 1);
  EXPECT_THAT(error_of({.rule = RobustRule::krum, .byzantine = 2}, Fidelity::wire, 6),
              HasSubstr("at least 7 clients a round for 2 bad ones, got 6"));
}

TEST(RobustOptions, TheDocumentSetsEveryOption) {
  Config config = Config::parse(
      "[r]\nrule = \"multi_krum\"\ntrim = 0.2\nbyzantine = 3\nselected = 4\nnorm_bound = 2.5\n", "run.toml");
  RobustOptions options;
  describe(config.section("r"), options);
  config.reject_unknown();
  EXPECT_EQ(options.rule, RobustRule::multi_krum);
  EXPECT_EQ(options.trim, 0.2);
  EXPECT_EQ(options.byzantine, 3);
  EXPECT_EQ(options.selected, 4);
  EXPECT_EQ(options.norm_bound, 2.5);
}

}  // namespace
}  // namespace archleak::server
