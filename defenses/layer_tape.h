#pragma once
#include <ATen/record_function.h>
#include <torch/torch.h>

#include <memory>
#include <vector>

namespace archleak::defenses {

/// One use of a layer's parameters in a forward pass.
struct LayerCall {
  enum class Kind {
    linear,        ///< input `[batch, in]`
    convolution,   ///< two-dimensional, input `[batch, in, height, width]`
    group_norm,    ///< with weight and bias; input `[batch, channels, ...]`
    channel_bias,  ///< a parameter `[1, channels, 1, 1]` added to something; `bias` alone is set
  } kind;
  torch::Tensor input;
  torch::Tensor weight, bias;                      ///< the parameters themselves; undefined where there is none
  torch::Tensor output;                            ///< part of the autograd graph
  std::vector<int64_t> stride, padding, dilation;  ///< of convolution
  int64_t groups = 1;                              ///< of convolution and group_norm
  double epsilon = 0;                              ///< of group_norm
};

/// Writes down, while it exists, which layers with parameters are called on this thread: with what input, parameters
/// and output. It listens to LibTorch's own calls (ATen/record_function.h), so networks need no hooks, and layers that
/// call LibTorch's functions directly are seen as well. At most one at a time on a thread.
class LayerTape {
 public:
  LayerTape();
  ~LayerTape();
  LayerTape(const LayerTape&) = delete;
  LayerTape& operator=(const LayerTape&) = delete;

  /// The calls so far, in their order. Throws Error for a layer whose output was changed in place
  /// afterwards, or of a kind that it cannot describe. What is computed from parameters in any other way is not listed.
  std::vector<LayerCall> calls() const;

 private:
  struct Recording;
  std::unique_ptr<Recording> recording_;
  at::CallbackHandle callback_;
};

}  // namespace archleak::defenses
