#pragma once
#include <cstdint>

#include "data/dataset.h"
#include "sim/experiments/amia_settings.h"

namespace archleak::sim {

/// The examples of one trial, disjoint.
struct AmiaParts {
  data::Dataset target;             ///< D^theta and D^alpha, which the clients' own splits tell apart
  data::Dataset nonmembers;         ///< unseen by all
  data::Dataset shadow;             ///< D^s_train
  data::Dataset shadow_nonmembers;  ///< D^s_test
  data::Dataset reference;          ///< of the target's defences; empty where they need none
  data::Dataset shadow_reference;   ///< of the shadow's, where the attacker knows them
};

/// Draws them from `train`. Of the shadow's, eta are of `train` (the first ones, rounded), the others of
/// `attack.unrelated`, brought to the same shape and classes (data/fit.h). Throws ConfigError where there are not so
/// many examples.
AmiaParts draw_parts(const AmiaSettings& settings, const data::Dataset& train, uint64_t seed);

}  // namespace archleak::sim
