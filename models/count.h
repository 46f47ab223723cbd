#pragma once
#include <cstdint>

#include "core/shape.h"
#include "models/network.h"

namespace archleak::models {

/// How large a network is and what one prediction costs.
struct NetworkCost {
  int64_t weights = 0;        ///< numbers in all parameters, also of parts that only training uses
  int64_t multiply_adds = 0;  ///< of all convolutions and matrix products in evaluation of one example
};

/// Counts by watching torch's operators during one forward in evaluation mode with a batch of one, so it holds for any
/// architecture; kernels of our own are not seen. Biases, norms, activations and pooling count nothing, as in the
/// tables of the architecture-search literature. The network is left in the mode in which it was. Not for use inside
/// another count on the same thread.
NetworkCost count_cost(Network& network, ExampleShape shape);

}  // namespace archleak::models
