#include "models/layers.h"

#include "models/dropout.h"

namespace archleak::models {

torch::Tensor Dropout::forward(const torch::Tensor& input) {
  return is_training() ? dropout(input, rate_, generator_) : input;
}

void set_dropout_generator(torch::nn::Module& module, const at::Generator& generator) {
  module.apply([&generator](torch::nn::Module& part) {
    if (auto* layer = dynamic_cast<Dropout*>(&part)) layer->set_generator(generator);
  });
}

torch::nn::Conv2d convolution(int64_t in, int64_t out, ConvShape shape) {
  const int64_t padding = shape.padding >= 0 ? shape.padding : shape.dilation * (shape.kernel - 1) / 2;
  return torch::nn::Conv2d(torch::nn::Conv2dOptions(in, out, shape.kernel)
                               .stride(shape.stride)
                               .padding(padding)
                               .dilation(shape.dilation)
                               .groups(shape.groups)
                               .bias(shape.bias));
}

void add_conv_norm_relu(torch::nn::SequentialImpl& layers, int64_t in, int64_t out, ConvShape shape) {
  layers.push_back(convolution(in, out, shape));
  layers.push_back(std::make_shared<BatchNorm>(out, true));
  layers.push_back(torch::nn::ReLU());
}

void add_global_pool(torch::nn::SequentialImpl& layers) {
  layers.push_back(torch::nn::AdaptiveAvgPool2d(1));
  layers.push_back(torch::nn::Flatten());
}

void add_two_layer_head(torch::nn::SequentialImpl& layers, int64_t in, int64_t width, int64_t classes) {
  layers.push_back(torch::nn::Linear(in, width));
  layers.push_back(std::make_shared<Dropout>(0.5));
  layers.push_back(torch::nn::Linear(width, classes));
}

int64_t side_after(int64_t size, int64_t kernel, int64_t stride, int64_t padding) {
  return (size + 2 * padding - kernel) / stride + 1;
}

}  // namespace archleak::models
