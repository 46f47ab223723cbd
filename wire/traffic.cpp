#include "wire/traffic.h"

namespace archleak::wire {

void TrafficCount::add(uint16_t kind, uint64_t bytes) {
  Traffic& count = counts_.at(kind);
  ++count.messages;
  count.bytes += bytes;
}

Traffic TrafficCount::of(uint16_t kind) const {
  return counts_.at(kind);
}

Traffic TrafficCount::total() const {
  Traffic sum;
  for (size_t kind = 1; kind < counts_.size(); ++kind) {
    sum.messages += counts_[kind].messages;
    sum.bytes += counts_[kind].bytes;
  }
  return sum;
}

}  // namespace archleak::wire
