#include "sim/tables/table_spec.h"

#include <gmock/gmock.h>

#include "core/error.h"
#include "sim/tables/table_plan.h"
#include "tests/sim/tables/coin.h"

namespace archleak::sim {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

std::string error_of(const std::string& document) {
  try {
    plan_table(test::coin_request(document), {test::coin()});
  } catch (const ConfigError& error) {
    return error.what();
  }
  return "no error";
}

std::string error_with(const std::string& from, const std::string& to) {
  return error_of(test::coin_table_with(from, to));
}

TEST(TableSpec, ReadsEverythingThatATableSays) {
  const TableSpec table = parse_table(test::kCoinTable, "coins.toml");
  EXPECT_EQ(table.id, "coins");
  EXPECT_EQ(table.source, "Table 7");
  ASSERT_EQ(table.axes.size(), 2u);
  EXPECT_EQ(table.axes[0].name, "bias");
  EXPECT_EQ(table.axes[0].values[1].label, "0.5");
  EXPECT_EQ(table.axes[1].values[1].settings[0].key, "coin.side");
  EXPECT_EQ(table.axes[1].values[1].settings[0].origin, "coins.toml:19");
  ASSERT_EQ(table.published.size(), 4u);
  EXPECT_EQ(table.published[2].at, (Selection{{"bias", "0.8"}, {"side", "heads up"}}));
  EXPECT_EQ(table.published[2].value, 80.5);
  EXPECT_EQ(table.figures[1].when, "heads");
  EXPECT_EQ(table.checks[0].claim, "Heads rises with bias");
}

TEST(TableSpec, AScaleReplacesTrialsSettingsAndPlaces) {
  TableRequest request = test::coin_request();
  EXPECT_EQ(plan_table(request, {test::coin()}).cells.size(), 6u);
  EXPECT_EQ(plan_table(request, {test::coin()}).trials, 40);
  request.scale = "smoke";
  const TablePlan smoke = plan_table(request, {test::coin()});
  ASSERT_EQ(smoke.cells.size(), 1u);
  EXPECT_EQ(smoke.trials, 3);
  EXPECT_EQ(smoke.cells[0].at, (Selection{{"bias", "0.4"}, {"side", "tails up"}}));
  EXPECT_THAT(smoke.cells[0].settings, HasSubstr("bias = 0.4"));
  EXPECT_THAT(smoke.cells[0].settings, HasSubstr("pictures = true"));
  EXPECT_THAT(smoke.notes, ElementsAre("Coins are fair unless told otherwise.", "Three throws."));
  request.trials = 7;
  EXPECT_EQ(plan_table(request, {test::coin()}).trials, 7);
}

TEST(TableSpec, APlaceMaySetMoreAtOneScaleThanAtOthers) {
  const auto replaced = [](const std::string& by) {
    std::string document = test::kCoinTable;
    const std::string places = "side = [\"tails up\"]";
    return document.replace(document.find(places), places.size(), by);
  };
  TableRequest request =
      test::coin_request(replaced("side = [\"heads up\", { name = \"tails up\", set = { coin.fails = true } }]"));
  EXPECT_THAT(plan_table(request, {test::coin()}).cells[1].settings, HasSubstr("fails = false"));
  request.scale = "smoke";
  const TablePlan smoke = plan_table(request, {test::coin()});
  ASSERT_EQ(smoke.cells.size(), 2u);
  EXPECT_THAT(smoke.cells[0].settings, HasSubstr("fails = false"));
  EXPECT_THAT(smoke.cells[1].settings, testing::AllOf(HasSubstr("fails = true"), HasSubstr("side = 'tails'")));
  request.overrides = {"coin.fails=false"};
  EXPECT_THROW(plan_table(request, {test::coin()}), ConfigError) << "an axis has it, at this scale";
  EXPECT_THROW(parse_table(replaced("side = [{ name = \"edge up\" }]"), "coins.toml"), ConfigError);
  EXPECT_THROW(parse_table(replaced("side = [{ name = \"tails up\", sets = {} }]"), "coins.toml"), ConfigError);
}

TEST(TableSpec, SettingsAreResolvedToEveryKey) {
  const TablePlan plan = plan_table(test::coin_request(), {test::coin()});
  EXPECT_THAT(plan.cells[0].settings, HasSubstr("fails = false"));
  EXPECT_THAT(plan.cells[0].settings, HasSubstr("bias = 0.2"));
}

TEST(TableSpec, OverridesWinOverTheTablesSettings) {
  TableRequest request = test::coin_request();
  request.overrides = {"coin.fails=true"};
  EXPECT_THAT(plan_table(request, {test::coin()}).cells[5].settings, HasSubstr("fails = true"));
  const auto refused = [&](const std::string& text) {
    request.overrides = {text};
    try {
      plan_table(request, {test::coin()});
    } catch (const ConfigError& error) {
      return std::string(error.what());
    }
    return std::string("no error");
  };
  EXPECT_EQ(refused("coin.fails=7"), "--set: coin.fails: expected true or false, got 7");
  EXPECT_THAT(refused("coin.fail=true"), HasSubstr("the nearest is 'coin.fails'"));
  EXPECT_THAT(refused("coin.bias=0.3"), HasSubstr("got one of the axis 'bias'"));
  EXPECT_THAT(refused("fails"), HasSubstr("expected key=value"));
}

TEST(TableSpec, ATrialHasTheSameSeedInEveryCellAndAnotherThanOtherTrials) {
  const TablePlan plan = plan_table(test::coin_request(), {test::coin()});
  EXPECT_EQ(plan.key(0, 3).seed, plan.key(5, 3).seed);
  EXPECT_NE(plan.key(0, 3).seed, plan.key(0, 4).seed);
  EXPECT_LT(plan.key(0, 3).seed, uint64_t{1} << 53);
}

TEST(TableSpec, ARequestReadsBackFromItsText) {
  TableRequest request = test::coin_request();
  request.trials = 5;
  request.seed = 9;
  request.overrides = {"a=b"};
  const TableRequest again = request_from_text(to_text(request), "x");
  EXPECT_EQ(to_text(again), to_text(request));
  EXPECT_EQ(again.trials, 5);
  EXPECT_THROW(request_from_text("{", "x"), DataError);
  EXPECT_THROW(request_from_text("{\"document\": 3}", "x"), DataError);
}

TEST(TableSpec, BadTablesSayWhereAndWhatWasExpected) {
  EXPECT_THAT(error_with("title = ", "title = = "), StartsWith("coins.toml:2: expected TOML"));
  EXPECT_EQ(error_with("trials = 40", "trials = \"many\""),
            "coins.toml:6: trials: expected an integer from 1 to 1000000, got 'many'");
  EXPECT_EQ(error_with("trials = 40", "trails = 40"),
            "coins.toml:6: trails: expected a known key, got an unknown one; the nearest is 'trials'");
  EXPECT_THAT(error_with("title = \"Coins by bias & side\"", ""), HasSubstr("title: expected this key, got none"));
  EXPECT_THAT(error_with("experiment = \"coin\"", "experiment = \"coins\""),
              HasSubstr("expected an experiment of this program, got 'coins'; the nearest is 'coin'"));
  EXPECT_EQ(error_with("coin.pictures = false", "coin.picture = false"),
            "coins.toml:10: coin.picture: expected a known key, got an unknown one; the nearest is 'coin.pictures'");
  EXPECT_EQ(error_with("[0.2, 0.5, 0.8]", "[0.2, 0.5, 0.8, 1.5]"),
            "coins.toml:13: coin.bias: expected a number from 0 to 1, got 1.5");
  EXPECT_EQ(error_with("\"tails\" }", "\"edge\" }"),
            "coins.toml:19: coin.side: expected one of \"heads\", \"tails\", got 'edge'");
  EXPECT_THAT(error_with("[0.2, 0.5, 0.8]", "[0.2, 0.2]"), HasSubstr("got '0.2' twice"));
  EXPECT_THAT(error_with("[0.2, 0.5, 0.8]", "[]"), HasSubstr("expected a list of at least one value"));
  EXPECT_THAT(error_with("rows = [\"side\"]", "rows = []"), HasSubstr("expected each axis once"));
  EXPECT_THAT(error_with("kind = \"rate\"", "kind = \"ratio\""),
              HasSubstr("\"rate\", \"mean\", \"median\", got 'ratio'"));
  EXPECT_THAT(error_with("name = \"weight\"", "id = \"weight\"\nname = \"wieght\""),
              HasSubstr("the nearest is 'weight'"));
  EXPECT_THAT(error_with("side = [\"tails up\"]", "side = [\"tail up\"]"), HasSubstr("the nearest is 'tails up'"));
  EXPECT_THAT(error_with("axes = { bias = [0.4]", "axes = { bais = [0.4]"), HasSubstr("the nearest is 'bias'"));
}

TEST(TableSpec, BadClaimsSayWhereAndWhatWasExpected) {
  EXPECT_THAT(error_with("at = { side = \"heads up\" }", "at = { sides = \"heads up\" }"),
              HasSubstr("expected an axis of the table, got 'sides'; the nearest is 'side'"));
  EXPECT_THAT(error_with("at = { side = \"heads up\" }", "at = { side = \"head up\" }"),
              HasSubstr("the nearest is 'heads up'"));
  EXPECT_THAT(error_with("\"0.2\" = 21", "\"0.3\" = 21"), HasSubstr("expected a place on the axis bias, got '0.3'"));
  EXPECT_THAT(error_with("\"0.2\" = 21", "\"0.2\" = nan"), HasSubstr("expected a number, got nan"));
  EXPECT_THAT(error_with("at = { side = \"tails up\", bias = 0.5 }", "at = { side = \"tails up\" }"),
              HasSubstr("expected a place on each axis (bias, side), got 1"));
  EXPECT_THAT(error_with("kind = \"rises\"", "kind = \"raises\""), HasSubstr("got 'raises'"));
  EXPECT_THAT(error_with("figure = \"heads\"\nalong = \"bias\"\n", "figure = \"head\"\nalong = \"bias\"\n"),
              HasSubstr("the nearest is 'heads'"));
  EXPECT_THAT(error_of(test::kCoinTable + "\n[[checks]]\nkind = \"above\"\nfigure = \"heads\"\n"
                                          "first = { bias = 0.2 }\nsecond = { side = \"heads up\" }\n"),
              HasSubstr("expected places on the same axes as first"));
  EXPECT_THAT(error_of(test::kCoinTable + "\n[[checks]]\nkind = \"above\"\nfigure = \"heads\"\nthan = \"weigth\"\n"),
              HasSubstr("the nearest is 'weight'"));
  EXPECT_THAT(
      error_of(test::kCoinTable + "\n[[checks]]\nkind = \"above\"\nfigure = \"heads\"\nthan = \"weight\"\nvalue = 1\n"),
      HasSubstr("either another figure or a value, got both"));
  EXPECT_THAT(error_of(test::kCoinTable + "\n[[checks]]\nkind = \"near\"\nfigure = \"heads\"\nwithin = -1\n"),
              HasSubstr("expected a margin of at least 0"));
}

TEST(TableSpec, ATruncatedTableIsAnErrorOrASmallerTable) {
  for (size_t length = 0; length < test::kCoinTable.size(); ++length) {
    try {
      plan_table(test::coin_request(test::kCoinTable.substr(0, length)), {test::coin()});
    } catch (const ConfigError& error) {
      EXPECT_THAT(error.what(), HasSubstr("coins.toml"));
    }
  }
}

TEST(TablePlan, NamesEachRunThatItsCellsNeedOnce) {
  const std::string runs = "[[runs]]\nsetting = \"coin.side\"\nconfig = \"../make.toml\"\n[axes]\n";
  TableRequest request = test::coin_request(test::coin_table_with("[axes]\n", runs));
  request.file = "configs/tables/coins.toml";
  const TablePlan plan = plan_table(request, {test::coin()});
  ASSERT_EQ(plan.runs.size(), 2);
  EXPECT_EQ(plan.runs[0], (NeededRun{"heads", "configs/make.toml"}));
  EXPECT_EQ(plan.runs[1], (NeededRun{"tails", "configs/make.toml"}));

  request.document = test::coin_table_with("[axes]\n", "[[runs]]\nsetting = \"coin.edge\"\nconfig = \"x\"\n[axes]\n");
  try {
    plan_table(request, {test::coin()});
    FAIL() << "a setting that the experiment does not have";
  } catch (const ConfigError& error) {
    EXPECT_THAT(error.what(), HasSubstr("coin.edge"));
  }
}

}  // namespace
}  // namespace archleak::sim
