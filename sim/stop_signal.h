#pragma once
#include <atomic>

namespace archleak::sim {

/// Makes SIGINT and SIGTERM set the returned flag instead of ending the process; a second signal ends it at once.
/// SIGPIPE is ignored. The flag lives as long as the process.
const std::atomic<bool>& install_stop_signals();

}  // namespace archleak::sim
