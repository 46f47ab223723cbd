#pragma once
#include <CLI/CLI.hpp>
#include <string>

#include "sim/run_directory.h"

namespace archleak::sim {

/// `archleak report DIR`: renders the report of a run again and prints where it is.
void add_report_command(CLI::App& app);

/// `archleak search show DIR`: genotype, accuracy, the global model's hash, and where things are.
void add_search_command(CLI::App& app);

/// What `archleak search show` prints. Throws DataError for files that cannot be read.
std::string describe_run(const RunDirectory& run);

}  // namespace archleak::sim
