#pragma once
#include <cstdint>
#include <filesystem>

#include "core/results_store.h"
#include "sim/tables/table_plan.h"

namespace archleak::sim {

/// The file with all results of a table, in its folder.
inline constexpr const char* kResultsFile = "results.sqlite";

/// Takes the trials of `plan` that the table in `folder` has and `store` has not: the same experiment, version,
/// settings and seed, so the same results. They come from its results.sqlite with their artefacts, or, where only a
/// table's report was kept, from its trials.csv without. Failed ones are left. Returns how many. Throws what the stores
/// and `read_trials` throw.
int64_t reuse_results(const TablePlan& plan, const std::filesystem::path& folder, ResultsStore& store);

}  // namespace archleak::sim
