#include "sim/tables/table_runner.h"

#include <gmock/gmock.h>
#include <spdlog/fmt/fmt.h>

#include <cmath>
#include <cstdio>

#include "sim/tables/artefacts.h"
#include "sim/tables/table_render.h"
#include "sim/tables/table_results.h"
#include "tests/sim/tables/coin.h"
#include "tests/support/paths.h"

namespace archleak::sim {
namespace {

using archleak::test::TemporaryFolder;
using testing::ElementsAre;
using testing::HasSubstr;

/// A stream that nobody reads.
std::FILE* nowhere() {
  static std::FILE* const stream = std::fopen("/dev/null", "w");
  return stream;
}

/// What a store holds, but for times: by hash, all figures to the bit.
std::map<std::string, std::string> rows_of(const ResultsStore& store) {
  std::map<std::string, std::string> rows;
  for (const ResultRow& row : store.rows()) {
    std::string text = row.failure;
    for (const auto& [name, value] : row.figures) text += fmt::format(";{}={:a}", name, value);
    rows[row.key.hash()] = text;
  }
  return rows;
}

class TableRunner : public testing::Test {
 protected:
  RunnerOutcome run(ResultsStore& store, const TableRequest& request, int jobs = 1) {
    const auto known = std::vector{test::coin(habits_)};
    return run_table(plan_table(request, known), known[0], store, {.jobs = jobs, .progress = nowhere()},
                     *habits_->stop);
  }

  TemporaryFolder folder_;
  std::shared_ptr<test::CoinHabits> habits_ = std::make_shared<test::CoinHabits>();
};

TEST_F(TableRunner, RowsAreTheSameForAnyNumberOfJobs) {
  std::vector<std::map<std::string, std::string>> rows;
  for (const int jobs : {1, 4, 16}) {
    ResultsStore store(folder_ / fmt::format("{}.sqlite", jobs));
    TableRequest request = test::coin_request();
    request.trials = 8;
    request.overrides = {"coin.fails=true"};
    const RunnerOutcome outcome = run(store, request, jobs);
    EXPECT_EQ(outcome.done, 36);
    EXPECT_EQ(outcome.failed, 12);
    rows.push_back(rows_of(store));
  }
  EXPECT_EQ(rows[0].size(), 48u);
  EXPECT_EQ(rows[0], rows[1]);
  EXPECT_EQ(rows[0], rows[2]);
}

TEST_F(TableRunner, AnInterruptedTableResumesToTheSameRows) {
  TableRequest request = test::coin_request();
  request.trials = 6;
  ResultsStore whole(folder_ / "whole.sqlite");
  run(whole, request);
  habits_->thrown = 0;
  for (const int jobs : {1, 3}) {
    const auto file = folder_ / fmt::format("cut{}.sqlite", jobs);
    for (const int after : {5, 17}) {  // stopped twice, each time a new process would open the file
      ResultsStore cut(file);
      habits_->thrown = 0;
      habits_->stop_after = after;
      const RunnerOutcome outcome = run(cut, request, jobs);
      EXPECT_GT(outcome.left, 0);
      EXPECT_EQ(outcome.earlier + outcome.done + outcome.left, 36);
      EXPECT_LE(outcome.done, after + jobs);
      EXPECT_GE(outcome.done, after);
      *habits_->stop = false;
    }
    habits_->stop_after = -1;
    ResultsStore cut(file);
    EXPECT_EQ(run(cut, request).left, 0);
    EXPECT_EQ(rows_of(cut), rows_of(whole));
  }
}

TEST_F(TableRunner, WhatIsThereAlreadyIsNotRunAgain) {
  ResultsStore store(folder_ / "a.sqlite");
  TableRequest request = test::coin_request();
  request.trials = 4;
  run(store, request);
  EXPECT_EQ(habits_->thrown, 24);
  EXPECT_EQ(run(store, request).earlier, 24);
  EXPECT_EQ(habits_->thrown, 24);
  request.trials = 5;  // more trials keep those that are there
  EXPECT_EQ(run(store, request).done, 6);
}

TEST_F(TableRunner, AFailedTrialIsKeptWithItsMessageAndRunAgain) {
  ResultsStore store(folder_ / "a.sqlite");
  TableRequest request = test::coin_request();
  request.trials = 3;
  request.overrides = {"coin.fails=true"};
  EXPECT_EQ(run(store, request).failed, 6);
  const TableResults table = collect_table(plan_table(request, {test::coin()}), store);
  EXPECT_EQ(table.failed(), 6);
  EXPECT_THAT(render_text(table), HasSubstr("Failed at bias = 0.2, heads up: 1 of 3 trials: the coin rolled away"));
  EXPECT_THAT(render_trials_csv(table), HasSubstr(",failed,the coin rolled away,"));
  const RunnerOutcome again = run(store, request);
  EXPECT_EQ(again.earlier, 12);
  EXPECT_EQ(again.failed, 6);
}

TEST_F(TableRunner, WhateverATrialThrowsOrReturnsAmissFailsItAlone) {
  TableRequest request = test::coin_request();
  request.trials = 1;
  const TablePlan plan = plan_table(request, {test::coin()});
  const auto failure_of = [&](std::function<TrialResult(const TrialRequest&)> body) {
    static int count = 0;
    ResultsStore store(folder_ / fmt::format("{}.sqlite", ++count));
    Experiment experiment = test::coin();
    experiment.run = std::move(body);
    run_table(plan, experiment, store, {.progress = nowhere()}, *habits_->stop);
    return store.rows().at(0).failure;
  };
  EXPECT_EQ(failure_of([](const TrialRequest&) -> TrialResult { throw 7; }), "an error of unknown kind");
  EXPECT_EQ(failure_of([](const TrialRequest&) -> TrialResult { throw Error(""); }), "an error without a message");
  EXPECT_THAT(failure_of([](const TrialRequest&) {
                return TrialResult{.figures = {{"haeds", 1}}};
              }),
              HasSubstr("got 'haeds'; the nearest is 'heads'"));
  EXPECT_THAT(failure_of([](const TrialRequest&) {
                return TrialResult{.artefacts = {{"original", 2, 2, 1, {0, 1}}}};
              }),
              HasSubstr("got 2 pixels for 1x2x2"));
  EXPECT_THAT(failure_of([](const TrialRequest&) {
                return TrialResult{.artefacts = {{"original", 1, 1, 1, {NAN}}}};
              }),
              HasSubstr("pixels in [0, 1]"));
}

TEST_F(TableRunner, ATrialThatGivesUpWhenAskedToStopLeavesNoRow) {
  ResultsStore store(folder_ / "a.sqlite");
  Experiment experiment = test::coin();
  experiment.run = [&](const TrialRequest& request) -> TrialResult {
    *habits_->stop = true;
    if (request.stop) throw TrialStopped();
    return {};
  };
  const TablePlan plan = plan_table(test::coin_request(), {experiment});
  const RunnerOutcome outcome = run_table(plan, experiment, store, {.progress = nowhere()}, *habits_->stop);
  EXPECT_EQ(outcome.left, 240);
  EXPECT_TRUE(store.rows().empty());
}

TEST_F(TableRunner, CellsOfEqualSettingsShareTheirTrials) {
  TableRequest request =
      test::coin_request(test::coin_table_with("set = { coin.side = \"tails\" }", "set = { coin.side = \"heads\" }"));
  request.trials = 5;
  ResultsStore store(folder_ / "a.sqlite");
  EXPECT_EQ(run(store, request, 4).done, 3 * 5);
  const TableResults table = collect_table(plan_table(request, {test::coin()}), store);
  EXPECT_EQ(table.done(), 6 * 5);
  EXPECT_EQ(table.cells[0].figures[0].estimate.value, table.cells[1].figures[0].estimate.value);
}

TEST_F(TableRunner, ArtefactsComeBackFromTheStore) {
  ResultsStore store(folder_ / "a.sqlite");
  TableRequest request = test::coin_request();
  request.trials = 1;
  request.overrides = {"coin.pictures=true"};
  run(store, request);
  const TablePlan plan = plan_table(request, {test::coin()});
  const auto picture = find_artefact(store, plan.key(0, 0).hash(), "original");
  ASSERT_TRUE(picture);
  EXPECT_EQ(picture->width, 6);
  EXPECT_EQ(picture->height, 4);
  EXPECT_EQ(picture->pixels.back(), 1);
  EXPECT_FALSE(find_artefact(store, plan.key(0, 0).hash(), "residual"));
}

}  // namespace
}  // namespace archleak::sim
