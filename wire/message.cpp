#include "wire/message.h"

namespace archleak::wire {

uint16_t kind_of(const Message& message) {
  return static_cast<uint16_t>(message.index() + 1);
}

const char* kind_name(uint16_t kind) {
  static constexpr const char* kNames[] = {"unknown",     "hello",     "welcome", "refuse",  "model",
                                           "task",        "accept",    "outcome", "failure", "flush",
                                           "partial sum", "heartbeat", "drain",   "bye"};
  static_assert(std::size(kNames) == kMessageKinds + 1);
  return kNames[kind <= kMessageKinds ? kind : 0];
}

}  // namespace archleak::wire
