#include "models/families.h"

namespace archleak::models {

std::shared_ptr<StagedNetwork> make_cnn(ExampleShape shape, int64_t classes) {
  torch::nn::Sequential stem, blocks, head;
  int64_t in = shape.channels;
  for (const int64_t out : {32, 64}) {
    blocks->push_back(chain(convolution(in, out, {.bias = true}), torch::nn::ReLU(), torch::nn::MaxPool2d(2)));
    in = out;
  }
  head->push_back(torch::nn::Flatten());
  head->push_back(torch::nn::Linear(in * (shape.height / 4) * (shape.width / 4), 128));
  head->push_back(torch::nn::ReLU());
  head->push_back(torch::nn::Linear(128, classes));
  return std::make_shared<StagedNetwork>(stem, blocks, head);
}

}  // namespace archleak::models
