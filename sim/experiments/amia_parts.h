#pragma once
#include <cstdint>
#include <vector>

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
  data::Dataset population;         ///< that nobody is trained on; empty with one shadow
};

/// Draws them from `train`. Of the shadow's and of the population, eta are of `train` (the first ones, rounded), the
/// others of `attack.unrelated`, brought to the same shape and classes (data/fit.h). Throws ConfigError where there are
/// not so many examples.
AmiaParts draw_parts(const AmiaSettings& settings, const data::Dataset& train, uint64_t seed);

/// What shadow number `shadow` is trained on, as places in D^s_train followed by D^s_test: the first, 0, on D^s_train;
/// each further one on as many examples, drawn from both, so that shadows differ and are trained on no less.
std::vector<int64_t> shadow_places(const AmiaParts& parts, int64_t shadow, uint64_t seed);

}  // namespace archleak::sim
