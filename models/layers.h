#pragma once
#include <torch/torch.h>

#include "models/batch_norm.h"

namespace archleak::models {

/// Dropout as a layer that draws from a generator that it is given; the identity in evaluation mode.
/// Throws Error when it has to draw and has none.
class Dropout : public torch::nn::Module {
 public:
  explicit Dropout(double rate) : rate_(rate) {}
  torch::Tensor forward(const torch::Tensor& input);
  void set_generator(const at::Generator& generator) { generator_ = generator; }

 private:
  double rate_;
  at::Generator generator_;
};

/// Gives `generator` to every Dropout in `module`.
void set_dropout_generator(torch::nn::Module& module, const at::Generator& generator);

/// Layers one after the other, usable as a layer itself (torch's Sequential cannot be nested).
class Chain : public torch::nn::SequentialImpl {
 public:
  using torch::nn::SequentialImpl::SequentialImpl;
  torch::Tensor forward(const torch::Tensor& input) { return torch::nn::SequentialImpl::forward(input); }
};

template <typename... Layers>
std::shared_ptr<Chain> chain(Layers&&... layers) {
  return std::make_shared<Chain>(std::forward<Layers>(layers)...);
}

/// What a convolution has besides its channels; `padding` -1 keeps the image's size at stride 1.
struct ConvShape {
  int64_t kernel = 3;
  int64_t stride = 1;
  int64_t padding = -1;
  int64_t dilation = 1;
  int64_t groups = 1;
  bool bias = false;
};

torch::nn::Conv2d convolution(int64_t in, int64_t out, ConvShape shape = {});

/// Appends convolution, batch norm and ReLU.
void add_conv_norm_relu(torch::nn::SequentialImpl& layers, int64_t in, int64_t out, ConvShape shape = {});

/// Appends global average pooling to `[batch, channels]`.
void add_global_pool(torch::nn::SequentialImpl& layers);

/// Appends Linear(in, width), dropout 0.5 and Linear(width, classes), with nothing between: the classifier of the
/// multi-exit networks (Li et al., "Auditing Membership Leakages of Multi-Exit Networks", 2022).
void add_two_layer_head(torch::nn::SequentialImpl& layers, int64_t in, int64_t width, int64_t classes);

/// The side of an image of side `size` after a convolution or pooling.
int64_t side_after(int64_t size, int64_t kernel, int64_t stride, int64_t padding);

}  // namespace archleak::models
