// The tables that come with the program.
#include <gmock/gmock.h>

#include <cmath>
#include <map>
#include <set>

#include "core/file.h"
#include "sim/experiments/amia_settings.h"
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

TEST(TableConfigs, ThePartsOfAMembershipTableFitIntoTheDataSetsAtEveryScale) {
  const std::map<std::string, int64_t> published{{"mnist", 60000}, {"cifar10", 50000}};
  const auto known = experiments();
  for (const auto& [id, file] : list_tables(folder())) {
    TableRequest request{.document = read_file(file), .file = file.string()};
    if (parse_table(request.document, request.file).experiment != "amia") continue;
    for (const std::string& scale : scale_names()) {
      request.scale = scale;
      for (const TableCell& cell : plan_table(request, known).cells) {
        Config config = Config::parse(cell.settings, id);
        AmiaSettings of;
        describe(config, of);
        const auto& parts = of.parts;
        const auto related = [&](int64_t count) { return std::llround(of.attack.eta * static_cast<double>(count)); };
        const int64_t shadow = parts.shadow + parts.shadow_nonmembers;
        const int64_t population = of.attack.shadows > 1 ? parts.population : 0;
        const int64_t own = related(parts.shadow) + related(parts.shadow_nonmembers) + related(population);
        const bool reference = of.distil || of.train.defense.adversarial.enabled;
        const auto there = published.find(of.data.name);
        EXPECT_LE(parts.target + parts.nonmembers + own + (reference ? parts.reference : 0),
                  there == published.end() ? of.data.train_size : there->second)
            << id << " at scale " << scale;
        EXPECT_LE(shadow + population - own, of.data.train_size) << id << " at scale " << scale;
        // A network of one or two cells has reduction cells alone, and no use for what is searched as the normal cell.
        EXPECT_GE(of.search.space.layers, scale == "smoke" ? 2 : 3) << id << " at scale " << scale;
        EXPECT_EQ(of.search.space.layers, of.train.network.derived.layers) << id << " at scale " << scale;
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
