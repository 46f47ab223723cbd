#pragma once
#include <sys/types.h>

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>
#include <thread>

#include "attacks/eavesdropper/endpoint.h"

namespace archleak::sim {

/// The eavesdropper of a run: `archleak tap` as a process of its own, watched. Should it die, it is started again at
/// the same address and adds a segment to its capture, since without it no worker reaches the coordinator; when this
/// process ends, however it does, so does the tap.
class TapProcess {
 public:
  struct Arguments {
    std::string listen;   ///< where workers connect to
    std::string connect;  ///< the coordinator
    std::string capture;
    int64_t buffer_mib = 64;
    std::string log;
    std::string log_level;
  };

  /// Starts it, and returns when it listens. `on_death` is called on a thread of this object, with how it ended
  /// ("signal 9 (Killed)"), each time it ends before it should. Throws TransportError if it does not start.
  TapProcess(Arguments arguments, std::function<void(const std::string& how)> on_death);

  /// Ends it when all that it has heard is written.
  ~TapProcess();
  TapProcess(const TapProcess&) = delete;
  TapProcess& operator=(const TapProcess&) = delete;

  /// The address that workers connect to, with the port that was chosen.
  const std::string& url() const { return arguments_.listen; }

 private:
  std::string start();
  void watch();

  Arguments arguments_;
  std::function<void(const std::string& how)> on_death_;
  pid_t pid_ = -1;
  attacks::Descriptor line_;  // our end of a socket pair: see --line of `archleak tap`
  std::atomic<bool> ending_{false};
  std::thread watcher_;
};

}  // namespace archleak::sim
