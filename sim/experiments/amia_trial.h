#pragma once
#include <atomic>
#include <cstdint>
#include <vector>

#include "attacks/membership/signals.h"
#include "sim/experiments/amia_models.h"

namespace archleak::sim {

/// What all steps of one trial share.
struct AmiaTrial {
  const AmiaSettings& settings;
  const ModelStore& store;
  uint64_t seed;
  const std::atomic<bool>& stop;

  /// What the party's model answers about `examples`, with the flags that attacks may see, `[examples]`. Throws
  /// TrialStopped when `stop` was set before.
  attacks::Signals signals(const Party& party, const data::Dataset& examples, std::vector<uint8_t> member) const;

  /// The same for examples of which attacks see nobody as a member.
  attacks::Signals signals(const Party& party, const data::Dataset& examples) const;
};

}  // namespace archleak::sim
