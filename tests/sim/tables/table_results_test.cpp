#include "sim/tables/table_results.h"

#include <gmock/gmock.h>
#include <spdlog/fmt/fmt.h>

#include <cmath>
#include <cstdio>

#include "core/error.h"
#include "sim/tables/table_runner.h"
#include "tests/sim/tables/coin.h"
#include "tests/support/paths.h"

namespace archleak::sim {
namespace {

using archleak::test::TemporaryFolder;
using testing::HasSubstr;

/// Runs a table of coins and collects it.
TableResults results_of(const TableRequest& request, const TemporaryFolder& folder) {
  static int count = 0;
  ResultsStore store(folder / fmt::format("{}.sqlite", ++count));
  const TablePlan plan = plan_table(request, {test::coin()});
  std::FILE* const nowhere = std::fopen("/dev/null", "w");
  const std::atomic<bool> stop{false};
  run_table(plan, test::coin(), store, {.jobs = 2, .progress = nowhere}, stop);
  std::fclose(nowhere);
  return collect_table(plan, store);
}

TEST(TableResults, ARateIsTheShareOfOnesInTheUnitShown) {
  const TemporaryFolder folder;
  TableRequest request = test::coin_request();
  request.trials = 60;
  const TableResults table = results_of(request, folder);
  const double truth[]{20, 50, 80};
  for (size_t cell = 0; cell < table.cells.size(); ++cell) {
    const Estimate& heads = table.cells[cell].figures[0].estimate;
    EXPECT_NEAR(heads.value, truth[cell / 2], 20);  // three standard errors
    EXPECT_LT(heads.low, heads.value);
    EXPECT_EQ(heads.count, 60);
  }
}

TEST(TableResults, AFigureUnderAConditionHasTheTrialsWhereItHolds) {
  const TemporaryFolder folder;
  TableRequest request = test::coin_request();
  request.trials = 10;
  const TableResults table = results_of(request, folder);
  for (const CellResult& cell : table.cells) {
    const int64_t heads = std::lround(cell.figures[0].estimate.value / 100 * 10);
    EXPECT_EQ(cell.figures[1].estimate.count, heads);
    EXPECT_NEAR(cell.figures[1].estimate.value, 3, 2);
  }
}

TEST(TableResults, PublishedValuesStandBesideTheirCells) {
  const TemporaryFolder folder;
  TableRequest request = test::coin_request();
  request.trials = 1;
  const TableResults table = results_of(request, folder);
  EXPECT_EQ(table.cells[0].figures[0].published, 21);
  EXPECT_FALSE(table.cells[1].figures[0].published);
  EXPECT_EQ(table.cells[3].figures[1].published, 3.25);
}

TEST(TableResults, ADifferenceIsTakenTrialByTrial) {
  const TemporaryFolder folder;
  const std::string document =
      test::coin_table_with("[[figures]]\nname = \"weight\"\nkind = \"mean\"\nwhen = \"heads\"\n",
                            "[[figures]]\nid = \"change\"\nname = \"heads\"\nkind = \"mean\"\nminus = { bias = 0.2 }\n"
                            "[[figures]]\nname = \"weight\"\nkind = \"mean\"\n");
  TableRequest request = test::coin_request(document);
  request.trials = 10;
  const TableResults table = results_of(request, folder);
  EXPECT_EQ(table.cells[0].figures[1].estimate.count, 0);  // of a cell to itself there is none
  for (const size_t cell : {size_t{2}, size_t{4}}) {
    // The same trial throws alike in every cell, so heads at a low bias is heads at a high one.
    const Estimate& change = table.cells[cell].figures[1].estimate;
    EXPECT_EQ(change.count, 10);
    EXPECT_NEAR(change.value,
                (table.cells[cell].figures[0].estimate.value - table.cells[0].figures[0].estimate.value) / 100, 1e-12);
  }
}

TEST(TableResults, ARateOfOtherValuesThanZeroAndOneIsAnError) {
  const TemporaryFolder folder;
  const std::string document =
      test::coin_table_with("name = \"weight\"\nkind = \"mean\"", "id = \"weight\"\nname = \"twice\"\nkind = \"rate\"");
  TableRequest request = test::coin_request(document);
  request.trials = 5;
  EXPECT_THROW(results_of(request, folder), DataError);
}

TEST(TableResults, AnInfiniteFigureIsLeftOutOfTheMean) {
  const TemporaryFolder folder;
  TableRequest request = test::coin_request(test::coin_table_with(
      "name = \"weight\"\nkind = \"mean\"\nwhen = \"heads\"", "id = \"weight\"\nname = \"twice\"\nkind = \"mean\""));
  request.trials = 5;
  const TableResults table = results_of(request, folder);
  ResultsStore store(folder / "infinite.sqlite");
  for (const TrialRecord& trial : table.trials) {
    ResultRow row = *trial.row;
    if (trial.trial == 0) row.figures["twice"] = INFINITY;
    store.put(row);
  }
  for (const CellResult& cell : collect_table(table.plan, store).cells) {
    EXPECT_EQ(cell.figures[1].estimate.count, 4);
    EXPECT_LE(cell.figures[1].estimate.value, 2);
  }
}

TEST(TableResults, RowsOfOtherSettingsAreCountedAndNotShown) {
  const TemporaryFolder folder;
  ResultsStore store(folder / "a.sqlite");
  TableRequest request = test::coin_request();
  store.put({.key = {"coin", 2, "", 1}});
  const TableResults table = collect_table(plan_table(request, {test::coin()}), store);
  EXPECT_EQ(table.others, 1);
  EXPECT_EQ(table.done(), 0);
  EXPECT_EQ(table.expected(), 240);
}

}  // namespace
}  // namespace archleak::sim
