#pragma once
#include <CLI/CLI.hpp>

namespace archleak::sim {

/// Adds `archleak run CONFIG`, `resume DIR`, `coordinator CONFIG`, `worker` and `config` to `app`; the work is done
/// when the command line is parsed. `exit_code` receives what the program is to end with.
void add_run_commands(CLI::App& app, int& exit_code);

}  // namespace archleak::sim
