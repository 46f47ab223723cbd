#pragma once
#include <atomic>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "sim/setup.h"

namespace archleak::sim {

/// One federated run within this process, for experiments that need many models: the coordinator on the calling thread,
/// a worker on another, by inproc sockets. Same code and same bits as a run over processes.
struct Simulation {
  RunConfig run;
  std::shared_ptr<const client::TrainingData> data;  ///< whatever `run.data` says
  std::filesystem::path checkpoints;                 ///< a folder; what it holds is continued
};

/// Runs it to its end, and returns the global model in evaluation mode, restricted to the part of its network that the
/// search came to where that trains parts; nothing when `stop` was set before: it can be continued. A simulation that
/// is at its end already is not run again. Several may run side by side. Throws as run_federated.
std::optional<GlobalModel> simulate(const Simulation& simulation, const std::atomic<bool>& stop);

}  // namespace archleak::sim
