#pragma once
#include <cstdint>

#include "core/results_store.h"
#include "sim/tables/table_plan.h"

namespace archleak::sim {

/// Takes the trials of `plan` that `from` has and `store` has not, with their artefacts: the same experiment, version,
/// settings and seed, so the same results. Failed ones are left. Returns how many. Throws what the stores throw.
int64_t reuse_results(const TablePlan& plan, const ResultsStore& from, ResultsStore& store);

}  // namespace archleak::sim
