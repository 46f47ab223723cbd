#include "sim/tables/table_reuse.h"

#include <functional>
#include <optional>

#include "sim/tables/trials_file.h"

namespace archleak::sim {
namespace {

/// The row of a key by its hash, whole.
using Source = std::function<std::optional<ResultRow>(const std::string&)>;

int64_t reuse(const TablePlan& plan, const Source& from, ResultsStore& store) {
  int64_t taken = 0;
  for (size_t cell = 0; cell < plan.cells.size(); ++cell) {
    for (int64_t trial = 0; trial < plan.trials; ++trial) {
      const ResultKey key = plan.key(cell, trial);
      const std::string hash = key.hash();
      if (const auto own = store.find(hash); own && own->failure.empty()) continue;
      auto row = from(hash);
      if (!row || !row->failure.empty()) continue;
      row->key = key;
      taken += store.put(*row);
    }
  }
  return taken;
}

}  // namespace

int64_t reuse_results(const TablePlan& plan, const std::filesystem::path& folder, ResultsStore& store) {
  if (const auto trials_file = folder / kTrialsFile;
      !std::filesystem::exists(folder / kResultsFile) && std::filesystem::exists(trials_file)) {
    const TrialsByHash trials = read_trials(trials_file);
    return reuse(
        plan,
        [&](const std::string& hash) {
          const auto found = trials.find(hash);
          return found == trials.end() ? std::nullopt : std::optional(found->second);
        },
        store);
  }
  const ResultsStore from(folder / kResultsFile, ResultsStore::Open::existing);
  return reuse(
      plan,
      [&](const std::string& hash) {
        auto row = from.find(hash);
        if (row) row->artefacts = from.artefacts(hash);
        return row;
      },
      store);
}

}  // namespace archleak::sim
