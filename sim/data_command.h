#pragma once
#include <CLI/CLI.hpp>

namespace archleak::sim {

/// Adds `archleak data list | get NAME | verify NAME | show NAME` to `app`. The work is done when the command line is
/// parsed; results go to standard output, errors are thrown as the error family of core/error.h.
void add_data_command(CLI::App& app);

}  // namespace archleak::sim
