#include "data/synthetic_table.h"

#include <algorithm>
#include <cmath>

namespace archleak::data {
namespace {

constexpr int64_t kFeatures = 446;
constexpr int64_t kClasses = 30;
constexpr double kOwnRates = 0.04;  // share of the features in which a class differs

/// A rate for one feature: many are rare, a few are common.
double draw_rate(RandomEngine& engine) {
  return 0.01 + 0.6 * std::pow(uniform(engine), 3);
}

void draw_row(int64_t label, RandomEngine& engine, std::span<uint8_t> pixels) {
  RandomEngine common = make_engine({.purpose = "table30 common rates"});
  RandomEngine own = make_engine({.purpose = "table30 class rates", .index = label});
  const double activity = 0.3 + 1.0 * uniform(engine);
  for (uint8_t& pixel : pixels) {
    double rate = draw_rate(common);
    if (uniform(own) < kOwnRates) rate = 0.05 + 0.5 * uniform(own);
    pixel = uniform(engine) < std::min(activity * rate, 0.95) ? 255 : 0;
  }
}

}  // namespace

SyntheticSet table30() {
  return {"table30", {kFeatures, 1, 1}, kClasses, draw_row};
}

}  // namespace archleak::data
