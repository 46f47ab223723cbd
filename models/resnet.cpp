#include "models/families.h"

namespace archleak::models {
namespace {

/// conv, norm, ReLU, conv, norm; plus the input; ReLU (He et al. 2016).
class BasicBlock : public torch::nn::Module {
 public:
  BasicBlock(int64_t in, int64_t out, int64_t stride) {
    conv1_ = register_module("conv1", convolution(in, out, {.stride = stride}));
    norm1_ = register_module("bn1", std::make_shared<BatchNorm>(out, true));
    conv2_ = register_module("conv2", convolution(out, out));
    norm2_ = register_module("bn2", std::make_shared<BatchNorm>(out, true));
    if (stride == 1 && in == out) return;
    shortcut_ = register_module("shortcut", torch::nn::Sequential(convolution(in, out, {.kernel = 1, .stride = stride}),
                                                                  std::make_shared<BatchNorm>(out, true)));
  }

  torch::Tensor forward(const torch::Tensor& input) {
    const torch::Tensor hidden = torch::relu(norm1_->forward(conv1_->forward(input)));
    const torch::Tensor output = norm2_->forward(conv2_->forward(hidden));
    return torch::relu(output + (shortcut_.is_empty() ? input : shortcut_->forward(input)));
  }

 private:
  torch::nn::Conv2d conv1_{nullptr}, conv2_{nullptr};
  std::shared_ptr<BatchNorm> norm1_, norm2_;
  torch::nn::Sequential shortcut_{nullptr};
};

/// 1x1, 3x3 with the stride, 1x1 to four times the width, each with norm; plus the input; ReLU (He et al. 2016).
class BottleneckBlock : public torch::nn::Module {
 public:
  static constexpr int64_t kExpansion = 4;

  BottleneckBlock(int64_t in, int64_t width, int64_t stride) {
    const int64_t out = kExpansion * width;
    residual_ = register_module("residual", torch::nn::Sequential());
    add_conv_norm_relu(*residual_, in, width, {.kernel = 1});
    add_conv_norm_relu(*residual_, width, width, {.stride = stride});
    residual_->push_back(convolution(width, out, {.kernel = 1}));
    residual_->push_back(std::make_shared<BatchNorm>(out, true));
    if (stride == 1 && in == out) return;
    shortcut_ = register_module("shortcut", torch::nn::Sequential(convolution(in, out, {.kernel = 1, .stride = stride}),
                                                                  std::make_shared<BatchNorm>(out, true)));
  }

  torch::Tensor forward(const torch::Tensor& input) {
    return torch::relu(residual_->forward(input) + (shortcut_.is_empty() ? input : shortcut_->forward(input)));
  }

 private:
  torch::nn::Sequential residual_{nullptr}, shortcut_{nullptr};
};

}  // namespace

std::shared_ptr<StagedNetwork> make_resnet(ExampleShape shape, int64_t classes, const ResNetOptions& options) {
  torch::nn::Sequential stem, blocks, head;
  int64_t in = options.widths.front();
  add_conv_norm_relu(*stem, shape.channels, in);
  if (options.stem_pool) stem->push_back(torch::nn::MaxPool2d(torch::nn::MaxPool2dOptions(3).stride(2).padding(1)));
  for (size_t stage = 0; stage < options.widths.size(); ++stage) {
    for (int64_t block = 0; block < options.blocks[stage]; ++block) {
      const int64_t width = options.widths[stage], stride = stage > 0 && block == 0 ? 2 : 1;
      if (options.bottleneck) {
        blocks->push_back(std::make_shared<BottleneckBlock>(in, width, stride));
        in = BottleneckBlock::kExpansion * width;
      } else {
        blocks->push_back(std::make_shared<BasicBlock>(in, width, stride));
        in = width;
      }
    }
  }
  add_global_pool(*head);
  if (options.head_width > 0) {
    add_two_layer_head(*head, in, options.head_width, classes);
  } else {
    head->push_back(torch::nn::Linear(in, classes));
  }
  return std::make_shared<StagedNetwork>(stem, blocks, head);
}

}  // namespace archleak::models
