#pragma once
#include <cstdint>

namespace archleak {

/// The shape of one example. A table row of n features is {n, 1, 1}.
struct ExampleShape {
  int64_t channels = 1;
  int64_t height = 1;
  int64_t width = 1;
  int64_t size() const { return channels * height * width; }
  bool operator==(const ExampleShape&) const = default;
};

}  // namespace archleak
