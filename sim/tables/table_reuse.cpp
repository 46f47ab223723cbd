#include "sim/tables/table_reuse.h"

namespace archleak::sim {

int64_t reuse_results(const TablePlan& plan, const ResultsStore& from, ResultsStore& store) {
  int64_t taken = 0;
  for (size_t cell = 0; cell < plan.cells.size(); ++cell) {
    for (int64_t trial = 0; trial < plan.trials; ++trial) {
      const std::string hash = plan.key(cell, trial).hash();
      auto row = from.find(hash);
      if (!row || !row->failure.empty()) continue;
      if (const auto own = store.find(hash); own && own->failure.empty()) continue;
      row->artefacts = from.artefacts(hash);
      taken += store.put(*row);
    }
  }
  return taken;
}

}  // namespace archleak::sim
