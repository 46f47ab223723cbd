#pragma once
#include <sys/types.h>

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>
#include <thread>
#include <vector>

namespace archleak::sim {

/// Starts worker processes on this machine and watches them. None is restarted: that a worker has ended is reported,
/// and the coordinator gives its clients to the others.
class LocalWorkers {
 public:
  /// How a worker process ended.
  struct Exit {
    std::string name;
    pid_t pid = 0;
    std::string how;     ///< "exit code 3", "signal 9 (Killed)"
    bool clean = false;  ///< exit code 0, or ended by the destructor
    int64_t left = 0;    ///< workers that are still running
  };

  /// `on_exit` is called on a thread of this object. Each process runs this program with `arguments(name)`.
  LocalWorkers(int count, const std::function<std::vector<std::string>(const std::string& name)>& arguments,
               std::function<void(const Exit&)> on_exit);

  /// Gives the workers a few seconds to leave by themselves, then ends them.
  ~LocalWorkers();

 private:
  struct Process {
    std::string name;
    pid_t pid;
  };

  void watch();

  std::vector<Process> processes_;
  std::function<void(const Exit&)> on_exit_;
  std::atomic<bool> ending_{false};
  std::thread watcher_;
};

}  // namespace archleak::sim
