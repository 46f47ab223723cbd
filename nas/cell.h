#pragma once
#include <torch/torch.h>

#include <memory>
#include <vector>

#include "nas/operations.h"
#include "nas/search_network.h"

namespace archleak::nas {

/// All candidate operations between two nodes.
class Edge : public torch::nn::Module {
 public:
  Edge(int64_t channels, int64_t stride);

  /// The operations weighed with `weights` `[operations]`, or `[batch, operations]`; "none" adds nothing.
  torch::Tensor forward(const NodeState& input, const torch::Tensor& weights);

  std::vector<std::shared_ptr<Operation>> operations;  ///< by Primitive
  const int64_t stride;
};

/// What the cells before make of a cell.
struct CellShape {
  int64_t before_previous, previous;  ///< channels of the two inputs
  int64_t channels;                   ///< of each node
  int64_t steps, multiplier;
  bool reduction;           ///< halves the image on the edges from the inputs
  bool previous_reduction;  ///< the first input has twice the image's size
};

/// A directed acyclic graph of two inputs and `steps` nodes, each the sum of the edges from all nodes before it.
/// The output is the concatenation of the last `multiplier` nodes.
class Cell : public torch::nn::Module {
 public:
  explicit Cell(const CellShape& shape);

  /// The mixture: `weights` is `[edges, operations]`, edges in the order (node, from), or, not `fused`, the same with a
  /// batch dimension in front. The output is `[batch, multiplier * channels, height, width]`.
  torch::Tensor forward(const torch::Tensor& before_previous, const torch::Tensor& previous,
                        const torch::Tensor& weights, Execution execution);

  /// One operation an edge, with weight one; `choice` points to as many indices as there are edges.
  torch::Tensor forward_selected(const torch::Tensor& before_previous, const torch::Tensor& previous,
                                 const int64_t* choice);

  const CellShape shape;
  std::vector<std::shared_ptr<Edge>> edges;

 private:
  std::shared_ptr<Operation> preprocess0_, preprocess1_;
};

/// Edges of a cell with `steps` nodes.
constexpr int64_t edge_count(int64_t steps) {
  return steps * (steps + 3) / 2;
}

}  // namespace archleak::nas
