#pragma once
#include <CLI/CLI.hpp>

namespace archleak::sim {

/// Adds `archleak tap`: the eavesdropper between workers and coordinator, as a role of its own.
void add_tap_command(CLI::App& app, int& exit_code);

}  // namespace archleak::sim
