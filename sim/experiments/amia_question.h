#pragma once
#include <cstdint>
#include <vector>

#include "sim/experiments/amia_models.h"

namespace archleak::sim {

/// What a model is asked about, and who is who: of the architecture's part, of the weights' part, of neither.
struct AmiaQuestion {
  data::Dataset examples;
  std::vector<uint8_t> of_architecture, of_weights;  ///< [examples]
  std::vector<int64_t> places;                       ///< [examples], in the party's examples and then its non-members
};

/// The party's examples and its non-members, in an order that `seed` draws and that says nothing of who is who:
/// examples are asked about in batches, and where a model normalises over those, its answers about one depend on the
/// others.
AmiaQuestion ask(const PartyData& data, const data::Dataset& nonmembers, uint64_t seed);

}  // namespace archleak::sim
