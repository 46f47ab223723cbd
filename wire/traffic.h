#pragma once
#include <array>
#include <cstddef>
#include <cstdint>

#include "wire/message.h"

namespace archleak::wire {

/// Messages and the bytes of their frames (header, body, payload), without what ZeroMQ and TCP add.
struct Traffic {
  uint64_t messages = 0;
  uint64_t bytes = 0;
  bool operator==(const Traffic&) const = default;
};

/// What one socket has sent or received, by kind of message (`kind_of`). What was refused counts under kind 0.
class TrafficCount {
 public:
  void add(uint16_t kind, uint64_t bytes);
  Traffic of(uint16_t kind) const;
  Traffic rejected() const { return of(0); }
  Traffic total() const;  ///< without the rejected

 private:
  std::array<Traffic, kMessageKinds + 1> counts_{};
};

}  // namespace archleak::wire
