#pragma once
#include <CLI/CLI.hpp>

namespace archleak::sim {

/// `archleak audit run CONFIG` and `archleak audit scores FILE`: what a model, or the scores of a membership attack,
/// give away.
void add_audit_command(CLI::App& app, int& exit_code);

}  // namespace archleak::sim
