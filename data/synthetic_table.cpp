#include "data/synthetic_table.h"

namespace archleak::data {
namespace {

constexpr int64_t kFeatures = 446;
constexpr int64_t kClasses = 30;
constexpr double kActive = 0.25;     // share of ones in the common prototype
constexpr double kClassFlips = 0.1;  // of the common prototype, for each class
constexpr double kRowFlips = 0.28;   // of the class's prototype, for each row

void draw_row(int64_t label, RandomEngine& engine, std::span<uint8_t> pixels) {
  RandomEngine common = make_engine({.purpose = "table30 common prototype"});
  RandomEngine own = make_engine({.purpose = "table30 class prototype", .index = label});
  for (uint8_t& pixel : pixels) {
    bool value = uniform(common) < kActive;
    if (uniform(own) < kClassFlips) value = !value;
    if (uniform(engine) < kRowFlips) value = !value;
    pixel = value ? 255 : 0;
  }
}

}  // namespace

SyntheticSet table30() {
  return {"table30", {kFeatures, 1, 1}, kClasses, draw_row};
}

}  // namespace archleak::data
