#pragma once
#include <CLI/CLI.hpp>

namespace archleak::sim {

/// Adds `archleak keys`: `new DIR` fills a folder with the keys of a coordinator and its workers, `show FILE` prints
/// the public keys in a .key, .pub or allowed_workers file (never a secret one). Errors are thrown as ConfigError or
/// Error.
void add_keys_command(CLI::App& app);

}  // namespace archleak::sim
