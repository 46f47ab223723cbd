#pragma once
#include <torch/torch.h>

#include <memory>
#include <vector>

#include "nas/operations.h"
#include "nas/search_network.h"

namespace archleak::nas {

/// Dropout on skip-connects between states of one size.
struct SkipDropout {
  double rate = 0;
  at::Generator generator;  ///< may be undefined where the rate is 0
};

/// All candidate operations between two nodes.
class Edge : public torch::nn::Module {
 public:
  Edge(int64_t channels, int64_t stride, const std::shared_ptr<const Code>& code);

  /// The operations of `kept` weighed with `weights` `[operations]`, or `[batch, operations]`; "none" adds
  /// nothing. Undefined when nothing else is left.
  torch::Tensor forward(const NodeState& input, const torch::Tensor& weights, OperationSet kept,
                        const SkipDropout& dropout);

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
  bool operator==(const CellShape&) const = default;
};

/// A directed acyclic graph of two inputs and `steps` nodes, each the sum of the edges from all nodes before it.
/// The output is the concatenation of the last `multiplier` nodes.
class Cell : public torch::nn::Module {
 public:
  /// With a `code`, convolutions' pointwise filters are generated from it.
  explicit Cell(const CellShape& shape, const std::shared_ptr<const Code>& code = nullptr);

  /// The mixture: `weights` is `[edges, operations]`, edges in the order (node, from), or, not `fused`, the same with a
  /// batch dimension in front. `kept` has a set for each edge, or is null for all operations; with it, or with dropout,
  /// execution is not fused. The output is `[batch, multiplier * channels, height, width]`.
  torch::Tensor forward(const torch::Tensor& before_previous, const torch::Tensor& previous,
                        const torch::Tensor& weights, Execution execution, const OperationSet* kept = nullptr,
                        const SkipDropout& dropout = {});

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
