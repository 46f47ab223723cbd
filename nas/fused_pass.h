#pragma once
#include <torch/torch.h>

#include <memory>
#include <vector>

#include "nas/cell.h"

namespace archleak::nas {

/// One forward pass through the nodes of a cell, and the backward pass for it; what fused_nodes puts into autograd.
///
/// Node by node, and within a node image by image: every edge's operations while the image is in cache, with
/// batch-norm sums taken as outputs are written; then the second halves of the separable convolutions, normalised as
/// they are read; then one pass that normalises, weighs and adds all operations of all edges. Backward mirrors this:
/// the gradient of a normalised output is never stored, the depthwise outputs are computed again.
class FusedPass : public torch::CustomClassHolder {
 public:
  /// `[batch, multiplier * channels, height, width]`, channels_last. Moves the running statistics in training mode.
  virtual torch::Tensor forward() = 0;

  /// What `backward` is to compute besides the gradients of mixture weights and skips.
  struct Wanted {
    bool states[2];
    bool filters;
  };

  /// Gradients in the order of the inputs: two states, mixture weights, skips, filters; undefined where not wanted.
  virtual std::vector<torch::Tensor> backward(const torch::Tensor& output_gradient, Wanted wanted) = 0;

  virtual size_t skip_count() const = 0;
  virtual size_t filter_count() const = 0;
};

/// For the inputs of fused_nodes; without `with_backward` memory is given back as early as possible.
c10::intrusive_ptr<FusedPass> make_fused_pass(const Cell& cell, const torch::Tensor& first, const torch::Tensor& second,
                                              const torch::Tensor& weights, at::TensorList skips,
                                              at::TensorList filters, bool with_backward);

}  // namespace archleak::nas
