#include "models/families.h"

namespace archleak::models {
namespace {

/// norm, ReLU, conv, appended to the input (Huang et al. 2017).
class DenseLayer : public torch::nn::Module {
 public:
  DenseLayer(int64_t in, int64_t growth) {
    norm_ = register_module("bn1", std::make_shared<BatchNorm>(in, true));
    conv_ = register_module("conv1", convolution(in, growth));
  }

  torch::Tensor forward(const torch::Tensor& input) {
    return torch::cat({input, conv_->forward(torch::relu(norm_->forward(input)))}, 1);
  }

 private:
  torch::nn::Conv2d conv_{nullptr};
  std::shared_ptr<BatchNorm> norm_;
};

}  // namespace

std::shared_ptr<StagedNetwork> make_densenet(ExampleShape shape, int64_t classes, int64_t depth, int64_t growth) {
  torch::nn::Sequential stem, blocks, head;
  int64_t in = 16;
  stem->push_back(convolution(shape.channels, in));
  for (int stage = 0; stage < 3; ++stage) {
    for (int64_t layer = 0; layer < (depth - 4) / 3; ++layer) {
      blocks->push_back(std::make_shared<DenseLayer>(in, growth));
      in += growth;
    }
    if (stage == 2) break;
    blocks->push_back(chain(std::make_shared<BatchNorm>(in, true), torch::nn::ReLU(),
                            convolution(in, in, {.kernel = 1}), torch::nn::AvgPool2d(2)));
  }
  head->push_back(std::make_shared<BatchNorm>(in, true));
  head->push_back(torch::nn::ReLU());
  add_global_pool(*head);
  head->push_back(torch::nn::Linear(in, classes));
  return std::make_shared<StagedNetwork>(stem, blocks, head);
}

}  // namespace archleak::models
