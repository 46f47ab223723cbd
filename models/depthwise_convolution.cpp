#include "models/depthwise_convolution.h"

namespace archleak::models {

torch::Tensor depthwise_convolution(const torch::Tensor& input, const torch::Tensor& weight, int64_t stride,
                                    int64_t dilation) {
  torch::Tensor seen = input;
  if (stride == dilation && stride > 1) {
    seen = input.slice(2, 0, c10::nullopt, stride)
               .slice(3, 0, c10::nullopt, stride)
               .contiguous(input.suggest_memory_format());
    stride = dilation = 1;
  }
  const int64_t padding = dilation * (weight.size(2) - 1) / 2;
  return torch::conv2d(seen, weight, {}, {stride, stride}, {padding, padding}, {dilation, dilation}, weight.size(0));
}

DepthwiseConvolution::DepthwiseConvolution(int64_t channels, int64_t kernel, int64_t stride, int64_t dilation)
    : Conv2dImpl(torch::nn::Conv2dOptions(channels, channels, kernel)
                     .stride(stride)
                     .padding(dilation * (kernel - 1) / 2)
                     .dilation(dilation)
                     .groups(channels)
                     .bias(false)) {}

torch::Tensor DepthwiseConvolution::forward(const torch::Tensor& input) {
  return depthwise_convolution(input, weight, options.stride()->front(), options.dilation()->front());
}

}  // namespace archleak::models
