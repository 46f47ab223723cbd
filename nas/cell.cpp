#include "nas/cell.h"

#include "models/dropout.h"
#include "nas/fused_cell.h"

namespace archleak::nas {
namespace {

/// A sum to which undefined tensors add nothing.
torch::Tensor plus(const torch::Tensor& sum, const torch::Tensor& term) {
  if (!sum.defined()) return term;
  return term.defined() ? sum + term : sum;
}

}  // namespace

Edge::Edge(int64_t channels, int64_t stride, const std::shared_ptr<const Code>& code) : stride(stride) {
  const auto list = register_module("_ops", std::make_shared<torch::nn::ModuleListImpl>());
  for (int64_t i = 0; i < kOperations; ++i) {
    operations.push_back(make_operation(static_cast<Primitive>(i), channels, stride, code));
    list->push_back(operations.back());
  }
}

torch::Tensor Edge::forward(const NodeState& input, const torch::Tensor& weights, OperationSet kept,
                            const SkipDropout& dropout) {
  torch::Tensor sum;
  const auto weight = weights.unbind(-1);
  for (int64_t i = kNone + 1; i < kOperations; ++i) {
    if (!has_operation(kept, i)) continue;
    const torch::Tensor factor = weight[i].dim() == 0 ? weight[i] : weight[i].view({-1, 1, 1, 1});
    torch::Tensor output = operations[i]->forward(input);
    if (i == kSkip && stride == 1) output = models::dropout(output, dropout.rate, dropout.generator);
    sum = plus(sum, factor * output);
  }
  return sum;
}

Cell::Cell(const CellShape& shape, const std::shared_ptr<const Code>& code) : shape(shape) {
  const int64_t channels = shape.channels;
  if (shape.previous_reduction) {
    preprocess0_ = std::make_shared<FactorizedReduce>(shape.before_previous, channels);
  } else {
    preprocess0_ = std::make_shared<ReluConvNorm>(shape.before_previous, channels);
  }
  preprocess1_ = std::make_shared<ReluConvNorm>(shape.previous, channels);
  register_module("preprocess0", preprocess0_);
  register_module("preprocess1", preprocess1_);
  const auto list = register_module("_ops", std::make_shared<torch::nn::ModuleListImpl>());
  for (int64_t node = 0; node < shape.steps; ++node) {
    for (int64_t from = 0; from < node + 2; ++from) {
      edges.push_back(std::make_shared<Edge>(channels, shape.reduction && from < 2 ? 2 : 1, code));
      list->push_back(edges.back());
    }
  }
}

torch::Tensor Cell::forward(const torch::Tensor& before_previous, const torch::Tensor& previous,
                            const torch::Tensor& weights, Execution execution, const OperationSet* kept,
                            const SkipDropout& dropout) {
  const bool share_relu = execution != Execution::reference;
  std::vector<NodeState> states{NodeState(preprocess0_->forward(NodeState(before_previous))),
                                NodeState(preprocess1_->forward(NodeState(previous)))};
  if (execution == Execution::fused) return fused_nodes(*this, states[0], states[1], weights);
  for (NodeState& state : states) state.share_relu = share_relu;
  const auto rows = weights.unbind(-2);
  for (int64_t node = 0, edge = 0; node < shape.steps; ++node) {
    torch::Tensor sum;
    for (int64_t from = 0; from < node + 2; ++from, ++edge) {
      sum = plus(sum, edges[edge]->forward(states[from], rows[edge], kept ? kept[edge] : kAllOperations, dropout));
    }
    if (!sum.defined()) sum = edges[edge - 1]->operations[kNone]->forward(states[node + 1]);
    states.emplace_back(sum).share_relu = share_relu;
  }
  std::vector<torch::Tensor> output;
  for (auto state = states.end() - shape.multiplier; state != states.end(); ++state) output.push_back(state->value);
  return torch::cat(output, 1);
}

torch::Tensor Cell::forward_selected(const torch::Tensor& before_previous, const torch::Tensor& previous,
                                     const int64_t* choice) {
  std::vector<NodeState> states{NodeState(preprocess0_->forward(NodeState(before_previous))),
                                NodeState(preprocess1_->forward(NodeState(previous)))};
  for (int64_t node = 0, edge = 0; node < shape.steps; ++node) {
    torch::Tensor sum;
    for (int64_t from = 0; from < node + 2; ++from, ++edge) {
      const bool last_resort = from == node + 1 && !sum.defined();
      if (choice[edge] == kNone && !last_resort) continue;
      sum = plus(sum, edges[edge]->operations[choice[edge]]->forward(states[from]));
    }
    states.emplace_back(sum);
  }
  std::vector<torch::Tensor> output;
  for (auto state = states.end() - shape.multiplier; state != states.end(); ++state) output.push_back(state->value);
  return torch::cat(output, 1);
}

}  // namespace archleak::nas
