#pragma once
#include <cmath>
#include <cstdint>
#include <numbers>
#include <vector>

#include "attacks/membership/scores.h"
#include "core/random.h"

namespace archleak::test {

/// A standard normal number (Box and Muller).
inline double normal(RandomEngine& engine) {
  const double radius = std::sqrt(-2 * std::log(1 - uniform(engine)));
  return radius * std::cos(2 * std::numbers::pi * uniform(engine));
}

/// Scores of members from N(distance, 1) and of non-members from N(0, 1).
inline attacks::ScoreTable two_gaussians(int64_t members, int64_t nonmembers, double distance, uint64_t seed) {
  RandomEngine engine = make_engine({.seed = seed, .purpose = "two gaussians"});
  attacks::ScoreTable table;
  for (int64_t i = 0; i < members + nonmembers; ++i) {
    table.member.push_back(i < members);
    table.scores.push_back(normal(engine) + (i < members ? distance : 0));
  }
  return table;
}

}  // namespace archleak::test
