#pragma once
#include <CLI/CLI.hpp>

namespace archleak::sim {

/// `archleak attack`: from a capture to images, judged against the originals.
void add_attack_command(CLI::App& app, int& exit_code);

}  // namespace archleak::sim
