#include <algorithm>

#include "models/families.h"

namespace archleak::models {

std::shared_ptr<StagedNetwork> make_vgg16(ExampleShape shape, int64_t classes) {
  const std::vector<int64_t> widths = {64, 64, 128, 128, 256, 256, 256, 512, 512, 512, 512, 512, 512};
  const std::vector<size_t> pooled = {1, 3, 6, 9, 12};
  torch::nn::Sequential stem, blocks, head;
  int64_t in = shape.channels, height = shape.height, width = shape.width;
  for (size_t i = 0; i < widths.size(); ++i) {
    const auto block = chain();
    add_conv_norm_relu(*block, in, widths[i], {.bias = true});
    if (std::find(pooled.begin(), pooled.end(), i) != pooled.end() && std::min(height, width) > 1) {
      block->push_back(torch::nn::MaxPool2d(2));
      height /= 2;
      width /= 2;
    }
    blocks->push_back(block);
    in = widths[i];
  }
  head->push_back(torch::nn::Flatten());
  head->push_back(torch::nn::Linear(in * height * width, 512));
  head->push_back(torch::nn::ReLU());
  head->push_back(std::make_shared<Dropout>(0.5));
  add_two_layer_head(*head, 512, 512, classes);
  return std::make_shared<StagedNetwork>(stem, blocks, head);
}

}  // namespace archleak::models
