#pragma once
#include <CLI/CLI.hpp>
#include <vector>

#include "sim/tables/experiment.h"

namespace archleak::sim {

/// `archleak table NAME`: runs a table and renders it; `table list`: what the papers report and what of it can be run;
/// `table show DIR`: renders a table again from its results. Tables may name the given experiments.
void add_table_command(CLI::App& app, std::vector<Experiment> experiments, int& exit_code);

}  // namespace archleak::sim
