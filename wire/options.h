#pragma once
#include <optional>
#include <string>

#include "core/config.h"
#include "wire/keys.h"

namespace archleak::wire {

/// When the wire is encrypted and authenticated with CURVE.
enum class Curve {
  automatic,  ///< on any address that other machines can reach
  on,
  off,
};

/// How coordinator and workers find and trust each other.
struct WireOptions {
  std::string url = "ipc://archleak.sock";
  Curve curve = Curve::automatic;
  std::string keys = "keys";  ///< folder
};

/// Keys: url, curve ("auto", "on", "off"), keys.
void describe(ConfigSection section, WireOptions& options);

/// Whether other machines can reach `url`: false for inproc, ipc, and tcp on a loopback address.
bool needs_curve(const std::string& url);

/// Whether the options ask for CURVE. Throws ConfigError for "on" with inproc, which has none.
bool uses_curve(const WireOptions& options);

/// The coordinator's keys; nothing when CURVE is not in use. Throws ConfigError, which says how to make keys, if they
/// are needed and missing.
std::optional<CoordinatorKeys> coordinator_keys(const WireOptions& options);

/// The same for a worker.
std::optional<WorkerKeys> worker_keys(const WireOptions& options);

}  // namespace archleak::wire
