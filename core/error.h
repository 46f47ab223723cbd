#pragma once
#include <stdexcept>
#include <string>

namespace archleak {

/// The family of errors that end the work at hand. Every message says what was expected, what came, and where.
/// What is expected to happen now and then (a timeout, a closed peer) is a value instead.
class Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// A configuration that cannot be used: unknown key, wrong type, out of range, contradiction.
class ConfigError : public Error {
 public:
  using Error::Error;
};

/// Data that cannot be used: missing, truncated, oversized or mislabelled files, bad indices.
class DataError : public Error {
 public:
  using Error::Error;
};

/// A message that breaks the wire protocol: wrong version, bad length, stale epoch, not finite.
class ProtocolError : public Error {
 public:
  using Error::Error;
};

/// A transport that cannot be used: an address that cannot be bound, a key that cannot be read.
class TransportError : public Error {
 public:
  using Error::Error;
};

/// A checkpoint or run directory that cannot be continued: wrong version, bad checksum, another model.
class CheckpointError : public Error {
 public:
  using Error::Error;
};

/// Process exit codes of the archleak command (also in `archleak --help`).
enum class ExitCode : int {
  success = 0,
  failure = 1,       ///< an Error other than those below, or a lost run
  usage = 2,         ///< wrong command line or ConfigError
  data = 3,          ///< DataError
  transport = 4,     ///< TransportError or ProtocolError
  checkpoint = 5,    ///< CheckpointError
  interrupted = 75,  ///< stopped by SIGINT or SIGTERM after a checkpoint; can be resumed
};

/// The exit code that `error` ends the program with.
ExitCode exit_code(const std::exception& error);

}  // namespace archleak
