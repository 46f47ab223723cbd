#pragma once
#include <CLI/App.hpp>

namespace archleak::sim {

/// Adds `archleak nas`, which looks at genotypes: `count` (weights and multiply-adds of the derived network), `draw`
/// (an SVG file) and `show` (text, JSON or DARTS' Python literal on standard output). A genotype is a JSON file or the
/// name of a published one. The commands run while `app` parses and throw what goes wrong: ConfigError, DataError.
void add_nas_command(CLI::App& app);

}  // namespace archleak::sim
