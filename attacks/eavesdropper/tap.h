#pragma once
#include <atomic>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "attacks/eavesdropper/recorder.h"
#include "attacks/eavesdropper/relay.h"
#include "core/config.h"
#include "wire/capture_writer.h"

namespace archleak::attacks {

/// Whether a run is listened to, and how.
struct TapOptions {
  bool enabled = false;
  int64_t buffer_mib = 64;  ///< how much may wait for a slow disk
};

/// Keys: enabled, buffer_mib.
void describe(ConfigSection section, TapOptions& options);

/// Where a tap stands.
struct TapPlace {
  std::string listen;             ///< where workers connect to
  std::string connect;            ///< the coordinator
  std::filesystem::path capture;  ///< to write to, or to add a segment to
  std::string program_version;    ///< for the capture's record of its origin
};

/// How a recording went.
struct TapEnd {
  RelayedBytes relayed;
  RecordedBytes recorded;
};

/// The eavesdropper: a relay between workers and coordinator that records what goes by. It changes no byte, and neither
/// a slow nor a broken disk holds traffic up.
class Tap {
 public:
  /// Listens, and opens the capture. Throws as Relay and wire::CaptureWriter do.
  Tap(const TapPlace& place, int64_t buffer_mib);

  /// The address that workers connect to, with the port that was chosen.
  const std::string& url() const { return relay_.url(); }

  /// Relays and records until told to stop (see Relay::run), then finishes the capture. Throws Error if that fails.
  TapEnd run(const std::atomic<bool>& stop, int wake_fd = -1);

 private:
  std::optional<wire::CaptureWriter> writer_;
  Recorder recorder_;
  Relay relay_;
};

}  // namespace archleak::attacks
