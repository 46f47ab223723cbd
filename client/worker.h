#pragma once
#include <atomic>
#include <optional>
#include <string>
#include <zmq.hpp>

#include "client/workload.h"
#include "wire/keys.h"
#include "wire/transport.h"

namespace archleak::client {

struct WorkerOptions {
  std::string connect;    ///< the coordinator's address
  std::string name;       ///< what the coordinator calls this worker; not two with the same
  int slots = 1;          ///< clients side by side
  double give_up_s = 60;  ///< leave when the coordinator is silent for so long
};

/// Why a worker left.
struct WorkerExit {
  bool drained = false;  ///< the coordinator said that the run has ended
  std::string reason;
};

/// The worker's side of a run: says hello, takes tasks, trains any number of simulated clients on a few models, sends
/// results, and keeps its lease by heartbeats while it computes.
///
/// Returns when the coordinator drains the run, when `stop` becomes true (the coordinator is told), or when the
/// coordinator has been silent for too long. Throws TransportError when the coordinator does not let this worker in,
/// and what `planner` throws.
WorkerExit run_worker(zmq::context_t& context, const WorkerOptions& options,
                      const std::optional<wire::WorkerKeys>& keys, const WorkerPlanner& planner,
                      const std::atomic<bool>& stop);

}  // namespace archleak::client
