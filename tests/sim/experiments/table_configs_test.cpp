// The tables that come with the program.
#include <gmock/gmock.h>

#include <set>

#include "core/file.h"
#include "sim/experiments/experiments.h"
#include "sim/tables/table_files.h"
#include "sim/tables/table_plan.h"
#include "tests/support/paths.h"

namespace archleak::sim {
namespace {

std::filesystem::path folder() {
  return std::filesystem::path(ARCHLEAK_SOURCE_DIR) / "configs" / "tables";
}

TEST(TableConfigs, EveryTableParsesAndIsNamedAfterItsId) {
  const auto tables = list_tables(folder());
  EXPECT_GE(tables.size(), 5u);
  for (const auto& [id, file] : tables) EXPECT_EQ(parse_table(read_file(file), file.string()).id, id);
}

TEST(TableConfigs, EveryTableHasPlacesAndTrialsAtEveryScale) {
  for (const auto& [id, file] : list_tables(folder())) {
    const TableSpec table = parse_table(read_file(file), file.string());
    int64_t trials = 0;
    for (const std::string& scale : scale_names()) {
      const TableScale& at = table.scales.at(scale);
      const int64_t now = at.trials > 0 ? at.trials : table.trials;
      EXPECT_GE(now, trials) << id << " at scale " << scale;
      trials = now;
      EXPECT_EQ(at.notes.empty(), scale == "paper") << id << " does not say what scale " << scale << " shrinks";
    }
    EXPECT_FALSE(table.figures.empty());
  }
}

TEST(TableConfigs, EveryTableOfAKnownExperimentCanBePlannedAtEveryScale) {
  const auto known = experiments();
  for (const auto& [id, file] : list_tables(folder())) {
    TableRequest request{.document = read_file(file), .file = file.string()};
    const TableSpec table = parse_table(request.document, request.file);
    for (const std::string& scale : scale_names()) {
      request.scale = scale;
      for (const Experiment& experiment : known) {
        if (experiment.name != table.experiment) continue;
        EXPECT_FALSE(plan_table(request, known).cells.empty()) << id << " at scale " << scale;
      }
    }
  }
}

TEST(TableConfigs, TheCatalogueHasEveryTableOnce) {
  std::set<std::string> ids;
  for (const CataloguePaper& paper : read_catalogue(folder())) {
    for (const CatalogueEntry& entry : paper.entries) ids.insert(entry.ids.begin(), entry.ids.end());
  }
  EXPECT_GE(ids.size(), 70u);
  for (const auto& [id, file] : list_tables(folder())) EXPECT_TRUE(ids.contains(id)) << id;
}

}  // namespace
}  // namespace archleak::sim
