#pragma once
#include <torch/torch.h>

namespace archleak::models {

/// A depthwise convolution without bias of odd kernel, with the padding that keeps an image's size at stride 1:
/// `[batch, channels, height, width]` to `[batch, channels, ceil(height / stride), ceil(width / stride)]`; `weight` is
/// `[channels, 1, kernel, kernel]`.
///
/// With a stride that is the dilation, only every stride-th pixel enters, and on these it is an ordinary convolution;
/// libraries are quick at that one, and slow at strided dilated ones (oneDNN 2.6: ten times, backwards).
torch::Tensor depthwise_convolution(const torch::Tensor& input, const torch::Tensor& weight, int64_t stride,
                                    int64_t dilation);

/// The layer; its weight is drawn as any convolution's.
class DepthwiseConvolution : public torch::nn::Conv2dImpl {
 public:
  DepthwiseConvolution(int64_t channels, int64_t kernel, int64_t stride, int64_t dilation);

  torch::Tensor forward(const torch::Tensor& input);
};

}  // namespace archleak::models
