#pragma once
#include <CLI/CLI.hpp>

namespace archleak::sim {

/// Adds `archleak capture show`, `export` and `import`.
void add_capture_command(CLI::App& app);

}  // namespace archleak::sim
