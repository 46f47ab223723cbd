#pragma once
#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "wire/payload.h"

namespace archleak::wire {

/// Coordinator and worker speak the same version or not at all.
inline constexpr uint16_t kProtocolVersion = 4;

/// One named number of a result, for instance {"loss", 0.7}. Any double, also NaN.
struct Metric {
  std::string name{};
  double value = 0;
  bool operator==(const Metric&) const = default;
};

/// Worker -> coordinator: I am here. First message of a worker, and again after a loss of contact.
struct Hello {
  std::string worker{};           ///< its name; one name, one worker
  uint32_t slots = 1;             ///< tasks it runs side by side
  std::string program_version{};  ///< of the archleak program
  uint64_t session = 0;           ///< a new number for every contact: the same one twice is the same hello
  bool operator==(const Hello&) const = default;
};

/// Coordinator -> worker: you are in, and this is the run.
struct Welcome {
  uint64_t epoch = 0;      ///< of this run of the coordinator; goes into every header from here on
  std::string config{};    ///< the resolved configuration, TOML
  double heartbeat_s = 0;  ///< send a heartbeat this often
  double lease_s = 0;      ///< a worker silent for longer has lost its tasks
  std::string layout{};    ///< fingerprint of the arena's layout
  bool operator==(const Welcome&) const = default;
};

/// Coordinator -> worker: you are not in.
struct Refuse {
  std::string reason{};
  bool final = true;  ///< do not try again; else forget everything and say hello anew
  bool operator==(const Refuse&) const = default;
};

/// Coordinator -> worker: the global model that this round's tasks start from.
struct Model {
  int64_t round = 0;
  Payload values{};  ///< floats: the whole arena
  bool operator==(const Model&) const = default;
};

enum class TaskKind : uint8_t {
  train = 0,
  evaluate = 1,
  share_keys = 2,  ///< secure aggregation, before the training: split your secrets among the round's clients
  reveal = 3,      ///< secure aggregation, after it: give your shares of the others' secrets
  survey = 4,      ///< a search, after the training: how well do these sub-networks do on your validation examples
};

/// Coordinator -> worker: do this.
struct Task {
  uint64_t task = 0;
  uint32_t attempt = 0;  ///< counts how often the task was given away before
  int64_t round = 0;
  TaskKind kind = TaskKind::train;
  int64_t client = 0;
  int64_t first = 0;  ///< evaluate: the examples [first, last)
  int64_t last = 0;
  std::string instruction{};   ///< the workload's own bytes, or, with them inside, those of secure aggregation
  std::string client_state{};  ///< what the client keeps between rounds
  bool operator==(const Task&) const = default;
};

/// Worker -> coordinator: I have the task and am working on it.
struct Accept {
  uint64_t task = 0;
  uint32_t attempt = 0;
  bool operator==(const Accept&) const = default;
};

/// Worker -> coordinator: the result of a task.
struct Outcome {
  uint64_t task = 0;
  uint32_t attempt = 0;
  int64_t round = 0;
  TaskKind kind = TaskKind::train;  ///< of the task
  int64_t client = 0;
  int64_t weight = 0;  ///< examples
  std::vector<Metric> metrics{};
  std::string client_state{};
  std::string answer{};  ///< to share_keys and reveal: bytes of secure aggregation
  bool masked = false;   ///< what the update's numbers are
  Payload update{};      ///< floats, or int64 modulo 2^64 if masked; empty when it went into the worker's partial sum
  bool operator==(const Outcome&) const = default;
};

/// Worker -> coordinator: the task could not be done.
struct Failure {
  uint64_t task = 0;
  uint32_t attempt = 0;
  std::string reason{};
  bool operator==(const Failure&) const = default;
};

/// Coordinator -> worker: send your partial sum of this round.
struct Flush {
  int64_t round = 0;
  bool operator==(const Flush&) const = default;
};

/// Worker -> coordinator: the fixed-point sum (core/fixed_point.h) of the updates of `tasks`.
struct PartialSum {
  int64_t round = 0;
  std::vector<uint64_t> tasks{};
  int64_t weight = 0;
  int64_t bound = 0;
  int32_t scale_bits = 0;
  Payload sums{};  ///< int64
  bool operator==(const PartialSum&) const = default;
};

/// Either way: I am alive. The coordinator answers with the same sequence number.
struct Heartbeat {
  uint64_t sequence = 0;
  bool operator==(const Heartbeat&) const = default;
};

/// Coordinator -> worker: finish what you have and leave.
struct Drain {
  std::string reason{};
  bool operator==(const Drain&) const = default;
};

/// Worker -> coordinator: I leave.
struct Bye {
  std::string reason{};
  bool operator==(const Bye&) const = default;
};

using Message = std::variant<Hello, Welcome, Refuse, Model, Task, Accept, Outcome, Failure, Flush, PartialSum,
                             Heartbeat, Drain, Bye>;

inline constexpr size_t kMessageKinds = std::variant_size_v<Message>;

/// The number of a message's kind on the wire: its place in `Message`, from 1 on.
uint16_t kind_of(const Message& message);

/// "hello", "partial sum", ...; "unknown" for a number that is no kind.
const char* kind_name(uint16_t kind);

}  // namespace archleak::wire
