#pragma once
#include <cstdint>
#include <vector>

namespace archleak::nas {

/// The operations that an edge still has: bit i stands for kPrimitives[i].
using OperationSet = uint8_t;

inline constexpr OperationSet kAllOperations = 0xff;

/// Whether `set` has the operation of that index.
constexpr bool has_operation(OperationSet set, int64_t operation) {
  return (set >> operation) & 1;
}

/// A part of the cell space: a shallower network, and fewer operations an edge.
struct SubSpace {
  int64_t layers = 0;              ///< cells; 0: all that the network has
  std::vector<OperationSet> kept;  ///< by row of `SearchNetwork::probabilities()`; empty: every operation
  double skip_dropout = 0;         ///< in training mode: rate of dropout on skip_connect between states of one size
  bool operator==(const SubSpace&) const = default;
};

}  // namespace archleak::nas
