#pragma once
#include <CLI/CLI.hpp>
#include <atomic>
#include <functional>
#include <vector>

#include "sim/tables/experiment.h"
#include "sim/tables/table_plan.h"

namespace archleak::sim {

/// Makes what a table's cells need before its first trial; false when it was asked to stop.
using TablePreparation = std::function<bool(const TablePlan& plan, const std::atomic<bool>& stop)>;

/// `archleak table NAME`: runs a table and renders it; `table list`: what the papers report and what of it can be run;
/// `table show DIR`: renders a table again from its results. Tables may name the given experiments.
void add_table_command(CLI::App& app, std::vector<Experiment> experiments, TablePreparation prepare, int& exit_code);

}  // namespace archleak::sim
