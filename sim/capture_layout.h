#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/protocol.h"

namespace archleak::sim {

/// One tensor's place in an arena `[weights | alpha | buffers]`.
struct TensorPlace {
  std::string name;     ///< "cells.0.preprocess0.op.1.weight"
  std::string segment;  ///< "weights", "alpha" or "buffers"
  std::vector<int64_t> shape;
  int64_t offset = 0;  ///< in floats from the start of its segment
  int64_t size = 0;    ///< in floats
};

/// What the floats of a run's messages mean.
struct CaptureLayout {
  ProtocolOptions protocol;
  UpdateLayout model;   ///< of a broadcast
  UpdateLayout update;  ///< of a client's update
  std::vector<TensorPlace> tensors;
};

/// The layout of the messages of a run with this configuration (TOML, with every key), by building its network as a
/// worker does. `fingerprint` is that of the layout on the wire, or empty. Nothing, with a warning in the log, if the
/// network cannot be built here (its data decide its shape and are missing), or has another fingerprint. Throws
/// ConfigError, beginning with `name`, for a configuration that is none.
std::optional<CaptureLayout> capture_layout(const std::string& config, const std::string& name,
                                            const std::string& fingerprint);

}  // namespace archleak::sim
