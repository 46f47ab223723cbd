#pragma once
#include <CLI/CLI.hpp>

namespace archleak::sim {

/// `audit run CONFIG`, under the command `audit`: trains a target and shadow models, and attacks the target.
void add_audit_run_command(CLI::App& audit, int& exit_code);

}  // namespace archleak::sim
