#pragma once
#include <torch/torch.h>

#include "nas/cell.h"

namespace archleak::nas {

/// The nodes of `cell` from its two preprocessed inputs, as `Cell::forward` computes them with `Execution::plain` up to
/// rounding, but in few passes over memory; see fused_kernels.h for how.
///
/// float32 and float64 on the CPU. The output is channels_last, and the same bits whatever the number of threads.
/// Differentiable once with respect to both inputs, `weights` `[edges, operations]` and all weights of the cell.
torch::Tensor fused_nodes(const Cell& cell, const NodeState& first, const NodeState& second,
                          const torch::Tensor& weights);

}  // namespace archleak::nas
