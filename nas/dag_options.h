#pragma once
#include <cstdint>

#include "core/config.h"

namespace archleak::nas {

/// How architecture parameters become the weights of the mixture.
enum class AlphaMapping {
  raw,      ///< they are the weights
  softmax,  ///< over a cell's inputs, and over its operations
  sigmoid,  ///< each by itself
};

enum class Activation { elu, tanh, sigmoid, relu };

/// How the last cell's features reach the linear classifier.
enum class DagHead { flatten, average_pool };

/// The size and kind of a graph of cells.
struct DagOptions {
  int64_t cells = 64;    ///< P, the stem included
  int64_t channels = 2;  ///< C, of every feature
  AlphaMapping alpha = AlphaMapping::raw;
  Activation activation = Activation::elu;
  DagHead head = DagHead::flatten;
  bool max_pool = true;  ///< false: max_pool_3x3 contributes nothing, as "none" does
};

void describe(ConfigSection section, DagOptions& options);

/// The place of cell `cell`'s first connection in "alphas_connections".
constexpr int64_t first_connection(int64_t cell) {
  return cell * (cell - 1) / 2;
}

}  // namespace archleak::nas
