#include "models/families.h"

namespace archleak::models {
namespace {

/// norm, ReLU, conv, dropout, norm, ReLU, conv; plus the input (Zagoruyko and Komodakis 2016).
class WideBlock : public torch::nn::Module {
 public:
  WideBlock(int64_t in, int64_t out, int64_t stride) {
    norm1_ = register_module("bn1", std::make_shared<BatchNorm>(in, true));
    conv1_ = register_module("conv1", convolution(in, out, {.bias = true}));
    dropout_ = register_module("dropout", std::make_shared<Dropout>(0.3));
    norm2_ = register_module("bn2", std::make_shared<BatchNorm>(out, true));
    conv2_ = register_module("conv2", convolution(out, out, {.stride = stride, .bias = true}));
    if (stride == 1 && in == out) return;
    shortcut_ = register_module("shortcut", convolution(in, out, {.kernel = 1, .stride = stride, .bias = true}));
  }

  torch::Tensor forward(const torch::Tensor& input) {
    const torch::Tensor hidden = dropout_->forward(conv1_->forward(torch::relu(norm1_->forward(input))));
    const torch::Tensor output = conv2_->forward(torch::relu(norm2_->forward(hidden)));
    return output + (shortcut_.is_empty() ? input : shortcut_->forward(input));
  }

 private:
  torch::nn::Conv2d conv1_{nullptr}, conv2_{nullptr}, shortcut_{nullptr};
  std::shared_ptr<BatchNorm> norm1_, norm2_;
  std::shared_ptr<Dropout> dropout_;
};

}  // namespace

std::shared_ptr<StagedNetwork> make_wide_resnet(ExampleShape shape, int64_t classes, int64_t depth, int64_t widen) {
  torch::nn::Sequential stem, blocks, head;
  int64_t in = 16;
  stem->push_back(convolution(shape.channels, in, {.bias = true}));
  for (const int64_t width : {16, 32, 64}) {
    for (int64_t block = 0; block < (depth - 2) / 6; ++block) {
      blocks->push_back(std::make_shared<WideBlock>(in, width * widen, width > 16 && block == 0 ? 2 : 1));
      in = width * widen;
    }
  }
  head->push_back(std::make_shared<BatchNorm>(in, true));
  head->push_back(torch::nn::ReLU());
  add_global_pool(*head);
  add_two_layer_head(*head, in, 512, classes);
  return std::make_shared<StagedNetwork>(stem, blocks, head);
}

}  // namespace archleak::models
