#include <gmock/gmock.h>

#include "sim/tables/table_results.h"
#include "tests/sim/tables/coin.h"

namespace archleak::sim {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr double kInfinity = std::numeric_limits<double>::infinity();

/// The verdicts of one check of "heads" where the cells at bias 0.2, 0.5 and 0.8 have these intervals, on both sides.
std::vector<Verdict> verdicts(const std::string& check, const std::vector<std::pair<double, double>>& intervals,
                              int64_t count = 40) {
  std::string document = test::kCoinTable;
  document = document.substr(0, document.find("[[checks]]")) + "[[checks]]\nfigure = \"heads\"\n" + check;
  const TablePlan plan = plan_table(test::coin_request(document), {test::coin()});
  std::vector<CellResult> cells(6);
  for (size_t cell = 0; cell < 6; ++cell) {
    const auto& [low, high] = intervals[cell / 2];
    cells[cell].figures.resize(2);
    cells[cell].figures[0].estimate = {(low + high) / 2, low, high, count};
    cells[cell].figures[1].estimate = {12, 11, 13, count};
    if (cell % 2 == 0) cells[cell].figures[0].published = 50;
  }
  return judge(plan, cells);
}

std::vector<Outcome> outcomes(const std::string& check, const std::vector<std::pair<double, double>>& intervals) {
  std::vector<Outcome> outcomes;
  for (const Verdict& verdict : verdicts(check, intervals)) outcomes.push_back(verdict.outcome);
  return outcomes;
}

Outcome outcome(const std::string& check, const std::vector<std::pair<double, double>>& intervals) {
  return outcomes(check, intervals).at(0);
}

constexpr const char* kRises = "kind = \"rises\"\nalong = \"bias\"\nat = { side = \"heads up\" }\n";
constexpr const char* kFalls = "kind = \"falls\"\nalong = \"bias\"\nat = { side = \"heads up\" }\n";

TEST(TableChecks, ARiseHoldsWhereTheLastIntervalLiesAboveTheFirst) {
  EXPECT_EQ(outcome(kRises, {{0, 10}, {5, 15}, {11, 20}}), Outcome::holds);
  EXPECT_EQ(outcome(kRises, {{0, 10}, {5, 15}, {10, 20}}), Outcome::undecided);
  EXPECT_EQ(outcome(kRises, {{11, 20}, {5, 15}, {0, 10}}), Outcome::fails);
  EXPECT_EQ(outcome(kRises, {{0, 10}, {30, 40}, {15, 20}}), Outcome::fails);  // a step down on the way
}

TEST(TableChecks, AFallIsTheMirroredRise) {
  EXPECT_EQ(outcome(kFalls, {{11, 20}, {5, 15}, {0, 10}}), Outcome::holds);
  EXPECT_EQ(outcome(kFalls, {{0, 10}, {5, 15}, {11, 20}}), Outcome::fails);
  EXPECT_EQ(outcome(kFalls, {{0, 10}, {5, 15}, {9, 20}}), Outcome::undecided);
  EXPECT_THAT(verdicts(kFalls, {{11, 20}, {5, 15}, {0, 10}})[0].reason,
              HasSubstr("15.5 [11.0, 20.0] to 5.0 [0.0, 10.0]"));
}

TEST(TableChecks, AnOpenAxisGivesAVerdictForEachPlace) {
  const auto found = verdicts("kind = \"rises\"\nalong = \"bias\"\n", {{0, 10}, {5, 15}, {11, 20}});
  ASSERT_EQ(found.size(), 2u);
  EXPECT_EQ(found[0].where, "heads up");
  EXPECT_EQ(found[1].where, "tails up");
}

TEST(TableChecks, AboveIsDecidedWhereIntervalsLieApart) {
  const std::string above = "kind = \"above\"\nfirst = { bias = 0.8 }\nsecond = { bias = 0.2 }\n";
  EXPECT_THAT(outcomes(above, {{0, 10}, {0, 0}, {11, 20}}), ElementsAre(Outcome::holds, Outcome::holds));
  EXPECT_EQ(outcome(above, {{0, 10}, {0, 0}, {10, 20}}), Outcome::undecided);
  EXPECT_EQ(outcome(above, {{11, 20}, {0, 0}, {0, 10}}), Outcome::fails);
  EXPECT_EQ(outcome(above, {{5, 5}, {0, 0}, {5, 5}}), Outcome::fails);  // equal is not above
  EXPECT_EQ(outcome(above + "margin = 5\n", {{0, 10}, {0, 0}, {11, 20}}), Outcome::undecided);
}

TEST(TableChecks, BelowIsTheMirroredAbove) {
  const std::string below = "kind = \"below\"\nvalue = 12\nat = { bias = 0.8, side = \"heads up\" }\n";
  EXPECT_EQ(outcome(below, {{0, 0}, {0, 0}, {5, 11.5}}), Outcome::holds);
  EXPECT_EQ(outcome(below, {{0, 0}, {0, 0}, {5, 12}}), Outcome::undecided);
  EXPECT_EQ(outcome(below, {{0, 0}, {0, 0}, {12, 15}}), Outcome::fails);
  EXPECT_EQ(outcome(below + "margin = 5\n", {{0, 0}, {0, 0}, {5, 11.5}}), Outcome::undecided);
  EXPECT_EQ(verdicts(below, {{0, 0}, {0, 0}, {5, 11.5}})[0].claim, "Heads is below 12 at bias = 0.8, side = heads up");
  const std::string places = "kind = \"below\"\nfirst = { bias = 0.2 }\nsecond = { bias = 0.8 }\n";
  EXPECT_EQ(outcome(places, {{0, 10}, {0, 0}, {11, 20}}), Outcome::holds);
}

TEST(TableChecks, AtLeastHoldsForEqualOnesAndWithinItsMargin) {
  const std::string least = "kind = \"at_least\"\nfirst = { bias = 0.8 }\nsecond = { bias = 0.2 }\n";
  EXPECT_EQ(outcome(least, {{5, 5}, {0, 0}, {5, 5}}), Outcome::holds);
  EXPECT_EQ(outcome(least, {{0, 10}, {0, 0}, {5, 20}}), Outcome::undecided);
  EXPECT_EQ(outcome(least + "margin = 5\n", {{0, 10}, {0, 0}, {5, 20}}), Outcome::holds);
  EXPECT_EQ(outcome(least + "margin = 5\n", {{16, 20}, {0, 0}, {0, 10}}), Outcome::fails);
}

TEST(TableChecks, AFigureIsComparedWithAnotherOfItsPlace) {
  const std::string above = "kind = \"above\"\nthan = \"weight\"\nat = { bias = 0.8 }\n";  // 11 to 13
  EXPECT_THAT(outcomes(above, {{0, 0}, {0, 0}, {14, 20}}), ElementsAre(Outcome::holds, Outcome::holds));
  EXPECT_EQ(outcome(above, {{14, 20}, {14, 20}, {12, 20}}), Outcome::undecided);
  EXPECT_EQ(outcome(above, {{14, 20}, {14, 20}, {0, 10}}), Outcome::fails);
  const std::string least = "kind = \"at_least\"\nthan = \"weight\"\nat = { bias = 0.8 }\nmargin = 5\n";
  EXPECT_EQ(outcome(least, {{0, 0}, {0, 0}, {8, 9}}), Outcome::holds);
  EXPECT_EQ(outcomes("kind = \"above\"\nthan = \"weight\"\n", {{0, 1}, {12, 20}, {14, 20}}),
            (std::vector<Outcome>{Outcome::fails, Outcome::fails, Outcome::undecided, Outcome::undecided,
                                  Outcome::holds, Outcome::holds}))
      << "every place on its own";
}

TEST(TableChecks, AFigureIsComparedWithAValue) {
  const std::string above = "kind = \"above\"\nvalue = 12\nat = { bias = 0.8, side = \"heads up\" }\n";
  EXPECT_EQ(outcome(above, {{0, 0}, {0, 0}, {12.5, 20}}), Outcome::holds);
  EXPECT_EQ(outcome(above, {{0, 0}, {0, 0}, {11, 20}}), Outcome::undecided);
  EXPECT_EQ(outcome(above, {{0, 0}, {0, 0}, {11, 12}}), Outcome::fails);
  const Verdict verdict = verdicts(above, {{0, 0}, {0, 0}, {12.5, 20}})[0];
  EXPECT_EQ(verdict.claim, "Heads is above 12 at bias = 0.8, side = heads up");
  EXPECT_THAT(verdict.reason, testing::EndsWith(" against 12"));
}

TEST(TableChecks, NearIsDecidedByTheWholeInterval) {
  const std::string near = "kind = \"near\"\nwithin = 10\nvalue = 30\nat = { bias = 0.2, side = \"heads up\" }\n";
  EXPECT_EQ(outcome(near, {{25, 35}, {0, 0}, {0, 0}}), Outcome::holds);
  EXPECT_EQ(outcome(near, {{25, 45}, {0, 0}, {0, 0}}), Outcome::undecided);
  EXPECT_EQ(outcome(near, {{41, 45}, {0, 0}, {0, 0}}), Outcome::fails);
}

TEST(TableChecks, NearTakesThePublishedValueWhereItNamesNone) {
  const auto found = verdicts("kind = \"near\"\nwithin = 10\nat = { bias = 0.2 }\n", {{45, 55}, {0, 0}, {0, 0}});
  ASSERT_EQ(found.size(), 2u);
  EXPECT_EQ(found[0].outcome, Outcome::holds);
  EXPECT_EQ(found[1].outcome, Outcome::undecided);
  EXPECT_EQ(found[1].reason, "no published value");
}

TEST(TableChecks, WhatIsNotMeasuredIsUndecidedAndSaysWhy) {
  EXPECT_EQ(outcome(kRises, {{-kInfinity, kInfinity}, {0, 1}, {2, 3}}), Outcome::undecided);
  EXPECT_THAT(verdicts(kRises, {{0, 1}, {0, 1}, {2, 3}}, 0)[0].reason, HasSubstr("no values at bias = 0.2, heads up"));
  TableRequest request = test::coin_request(test::kCoinTable +
                                            "at = { side = \"heads up\" }\n[[checks]]\nkind = \"rises\"\n"
                                            "figure = \"heads\"\nalong = \"bias\"\n");
  request.scale = "smoke";
  const TablePlan plan = plan_table(request, {test::coin()});
  std::vector<CellResult> cells(1);
  cells[0].figures.resize(2);
  cells[0].figures[0].estimate = {30, 20, 40, 3};
  const auto found = judge(plan, cells);
  ASSERT_EQ(found.size(), 2u);
  EXPECT_EQ(found[0].claim, "Heads rises with bias at side = heads up");
  EXPECT_EQ(found[0].reason, "bias = 0.4, heads up is not of scale smoke");
  EXPECT_EQ(found[1].reason, "one place on bias shows no direction");
  EXPECT_EQ(found[1].outcome, Outcome::undecided);
}

}  // namespace
}  // namespace archleak::sim
