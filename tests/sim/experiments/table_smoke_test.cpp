// The tables that come with the program, run at their smallest scale on data that need no files.
#include <gmock/gmock.h>

#include <algorithm>
#include <cctype>
#include <set>

#include "core/file.h"
#include "sim/experiments/experiments.h"
#include "sim/tables/table_files.h"
#include "sim/tables/table_plan.h"
#include "sim/tables/table_runner.h"
#include "tests/support/paths.h"

namespace archleak::sim {
namespace {

struct SmokeTable {
  std::string id;
  std::filesystem::path file;
};

void PrintTo(const SmokeTable& table, std::ostream* stream) {
  *stream << table.id;
}

std::vector<SmokeTable> tables() {
  std::vector<SmokeTable> result;
  for (const auto& [id, file] : list_tables(std::filesystem::path(ARCHLEAK_SOURCE_DIR) / "configs" / "tables")) {
    result.push_back({id, file});
  }
  return result;
}

class TableSmoke : public testing::TestWithParam<SmokeTable> {};

TEST_P(TableSmoke, EveryTrialRunsAndEveryFigureThatTheTableShowsIsMeasured) {
  const archleak::test::TemporaryFolder folder;
  const auto known = experiments();
  TableRequest request{
      .document = read_file(GetParam().file), .file = GetParam().file.string(), .scale = "smoke", .trials = 1};
  const std::string name = parse_table(request.document, request.file).experiment;
  request.overrides = name == "amia" ? std::vector<std::string>{"models.store=" + (folder / "models").string()}
                                     : std::vector<std::string>{"data.name=digits", "data.train_size=600"};
  const TablePlan plan = plan_table(request, known);

  ResultsStore store(folder / "results.sqlite");
  const std::atomic<bool> stop{false};
  const auto outcome = run_table(plan, find_experiment(known, name, "table"), store, {.jobs = 2}, stop);
  EXPECT_EQ(outcome.done, std::ssize(plan.cells));
  std::set<std::string> measured;
  for (const ResultRow& row : store.rows()) {
    EXPECT_EQ(row.failure, "") << row.key.settings;
    for (const auto& [figure, value] : row.figures) measured.insert(figure);
  }
  for (const FigureSpec& figure : plan.spec.figures) EXPECT_TRUE(measured.contains(figure.name)) << figure.name;
}

std::string test_name(const testing::TestParamInfo<SmokeTable>& info) {
  std::string name = "table_" + info.param.id;
  std::replace_if(
      name.begin(), name.end(), [](unsigned char c) { return !std::isalnum(c); }, '_');
  return name;
}

INSTANTIATE_TEST_SUITE_P(Every, TableSmoke, testing::ValuesIn(tables()), test_name);

}  // namespace
}  // namespace archleak::sim
