#pragma once
#include <CLI/CLI.hpp>

namespace archleak::sim {

/// `archleak audit scores FILE`: what the scores of a membership attack give away.
void add_audit_command(CLI::App& app);

}  // namespace archleak::sim
