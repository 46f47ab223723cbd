#include "core/error.h"

namespace archleak {

ExitCode exit_code(const std::exception& error) {
  if (dynamic_cast<const ConfigError*>(&error)) return ExitCode::usage;
  if (dynamic_cast<const DataError*>(&error)) return ExitCode::data;
  if (dynamic_cast<const TransportError*>(&error)) return ExitCode::transport;
  if (dynamic_cast<const ProtocolError*>(&error)) return ExitCode::transport;
  if (dynamic_cast<const CheckpointError*>(&error)) return ExitCode::checkpoint;
  return ExitCode::failure;
}

}  // namespace archleak
