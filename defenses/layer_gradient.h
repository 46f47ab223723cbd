#pragma once
#include <torch/torch.h>

#include "defenses/layer_tape.h"

namespace archleak::defenses {

/// What one layer adds to every example's gradient, from the layer's input x and the gradient g of its output.
///
/// Linear layers never hold a gradient an example: it is the outer product g_i x_i, whose squared norm is |g_i|^2
/// |x_i|^2 (Goodfellow, "Efficient Per-Example Gradient Computations", 2015). A convolution with T output pixels and D
/// weights is a matrix product of g_i and the unfolded x_i (Rochette, Manoel, Tramel, "Efficient Per-Example Gradient
/// Computations in Convolutional Neural Networks", 2019): for 2 T^2 < D its norm is taken from the two Gram matrices
/// `[T, T]` (ghost norm) and its weighted sum from a second pass; else the examples' gradients are formed and kept
/// until the sum (the rule of Bu, Mao, Xu, "Scalable and Efficient Training of Large Convolutional Neural Networks with
/// Differential Privacy", 2022).
class LayerGradient {
 public:
  /// `output_gradient` is the gradient of the examples' summed losses, in the shape of `call.output`.
  LayerGradient(const LayerCall& call, const torch::Tensor& output_gradient);

  /// The squared L2 norm `[batch]` of each example's gradient of this layer's parameters.
  torch::Tensor squared_norms();

  /// Adds the sum over the examples of `factors` `[batch]` times their gradients to the parameters' `grad()`.
  void add_weighted_sum(const torch::Tensor& factors) const;

 private:
  torch::Tensor convolution_norms();

  LayerCall call_;
  torch::Tensor output_gradient_;
  torch::Tensor weight_gradients_;  ///< `[batch, weights]`, where they are formed
  torch::Tensor bias_gradients_;    ///< `[batch, channels]`
};

}  // namespace archleak::defenses
