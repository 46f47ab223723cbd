#include <algorithm>

#include "models/families.h"

namespace archleak::models {

std::shared_ptr<StagedNetwork> make_alexnet(ExampleShape shape, int64_t classes) {
  struct Layer {
    int64_t channels;
    ConvShape convolution;
    bool pool;
  };
  const std::vector<Layer> layers = {{64, {.kernel = 11, .stride = 4, .padding = 5}, true},
                                     {192, {.kernel = 5}, true},
                                     {384, {}, false},
                                     {256, {}, false},
                                     {256, {}, true}};
  torch::nn::Sequential stem, blocks, head;
  int64_t in = shape.channels, height = shape.height, width = shape.width;
  for (auto [channels, conv, pool] : layers) {
    conv.bias = true;
    const auto block = chain(convolution(in, channels, conv), torch::nn::ReLU());
    if (conv.stride > 1) {
      height = side_after(height, conv.kernel, conv.stride, conv.padding);
      width = side_after(width, conv.kernel, conv.stride, conv.padding);
    }
    if (pool && std::min(height, width) > 1) {
      block->push_back(torch::nn::MaxPool2d(2));
      height /= 2;
      width /= 2;
    }
    blocks->push_back(block);
    in = channels;
  }
  head->push_back(torch::nn::Flatten());
  head->push_back(torch::nn::Linear(in * height * width, classes));
  return std::make_shared<StagedNetwork>(stem, blocks, head);
}

}  // namespace archleak::models
