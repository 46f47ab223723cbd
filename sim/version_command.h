#pragma once
#include <CLI/CLI.hpp>

namespace archleak::sim {

/// Adds `archleak version`: the versions of the program, the wire protocol and the libraries that decide its numbers.
void add_version_command(CLI::App& app);

/// Warns once, in the log, when the BLAS in use is the reference one, which is some seventy times slower than others.
void warn_of_reference_blas();

}  // namespace archleak::sim
