#pragma once
#include <atomic>
#include <filesystem>
#include <string>
#include <vector>

#include "sim/run_config.h"
#include "sim/run_directory.h"

namespace archleak::sim {

/// A run and where it lives.
struct RunRequest {
  RunConfig config;
  std::string resolved;   ///< the configuration with every key, TOML
  bool resume = false;    ///< continue what the directory holds
  int local_workers = 0;  ///< worker processes to start on this machine
  std::string bind;       ///< the coordinator's address; empty: as configured
};

/// Runs the coordinator's side of a run to its end, in this process: data, global model, workers on this machine if
/// asked for, rounds, results. Prints where things are. Returns the program's exit code. Throws the error family.
int run_federated(const RunRequest& request, RunDirectory& directory, const std::atomic<bool>& stop);

/// The address that a coordinator binds to: `bind` if given, else the configuration's; "auto" is a fresh ipc socket.
std::string coordinator_url(const RunConfig& config, const std::string& bind);

}  // namespace archleak::sim
