#pragma once
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/protocol.h"
#include "wire/capture_messages.h"

namespace archleak::attacks {

/// A client's update as it went by: by itself, or as a worker's sum of this one update (fidelity `fused`).
struct SeenUpdate {
  int64_t round = 0;
  int64_t client = 0;
  int64_t weight = 0;    ///< examples
  uint64_t task = 0;     ///< as the coordinator numbers them
  uint32_t attempt = 0;  ///< how often the task was given away before
  std::string worker;    ///< who sent it; empty if that was not recorded
  uint64_t bytes = 0;    ///< on the wire
  std::vector<wire::Metric> metrics;
  wire::CapturePlace place;
};

/// A worker's sum of several updates (fidelity `fused`) as it went by.
struct SeenSum {
  int64_t round = 0;
  int64_t weight = 0;
  int32_t scale_bits = 0;
  std::vector<uint64_t> tasks;
  std::string worker;
  wire::CapturePlace place;
};

/// What went by of one round.
struct SeenRound {
  std::vector<wire::CapturePlace> models;  ///< every copy of the global model that the round's tasks start from
  std::vector<SeenUpdate> updates;         ///< as they came
  std::vector<SeenUpdate> masked;          ///< under secure aggregation: int64 modulo 2^64, each as good as noise
  std::vector<SeenSum> sums;
};

/// What an eavesdropper knows of a run: all messages of a capture, by round. Models and updates stay in the file until
/// they are asked for, so a long run fits in memory.
///
/// Rounds are numbered as on the wire, from 0 on; a run that was resumed shows some of them again. The model of the
/// round after the last one is the final model, which goes out to be evaluated.
class Observation {
 public:
  /// Reads the capture once. Throws DataError for a file that is none.
  explicit Observation(const std::filesystem::path& capture, const wire::Limits& limits = {});

  const std::map<int64_t, SeenRound>& rounds() const { return rounds_; }

  /// What the coordinator told the first worker that came in: the run's configuration among it. Nothing if no worker
  /// came in while the recording went on.
  const std::optional<wire::Welcome>& welcome() const { return welcome_; }

  /// Whether another configuration or layout went by later: rounds are then of more than one run.
  bool several_runs() const { return several_runs_; }

  /// What clients send, from the configuration that went by. Throws ConfigError if it cannot be read.
  std::optional<ProtocolOptions> protocol() const;

  uint64_t messages() const { return messages_; }        ///< in the clear
  uint64_t ciphertexts() const { return ciphertexts_; }  ///< frames of connections under CURVE
  uint64_t unreadable() const { return unreadable_; }    ///< stretches of bytes

  /// Why there is nothing to read, for a threat model's line in a table; empty if there is an update or a sum in the
  /// clear, or models and nothing masked.
  std::string blindness() const;

  /// What is wrong at the end of the capture, if it was cut off.
  const std::optional<std::string>& cut() const { return reader_.cut(); }

  /// The payload of a model or an update: float32. A sum of one update is divided by its weight, which leaves an error
  /// of 2^-scale_bits. Throws DataError if it is not at `place`.
  wire::Payload floats(const wire::CapturePlace& place) const;

  /// The payload of a sum or a masked update: int64, fixed point with 2^-scale_bits (core/fixed_point.h). Throws
  /// DataError.
  wire::Payload integers(const wire::CapturePlace& place) const;

 private:
  void take(const wire::CapturedUnit& unit);
  void take(const wire::CapturedUnit& unit, const wire::Outcome& outcome);
  void take(const wire::CapturedUnit& unit, const wire::PartialSum& sum);

  wire::CaptureReader reader_;
  wire::CaptureLookup lookup_;
  std::map<int64_t, SeenRound> rounds_;
  std::map<uint64_t, SeenUpdate> summed_;  // outcomes without an update of their own, by task
  std::optional<wire::Welcome> welcome_;
  bool several_runs_ = false;
  uint64_t messages_ = 0;
  uint64_t ciphertexts_ = 0;
  uint64_t unreadable_ = 0;
};

}  // namespace archleak::attacks
