#include "models/families.h"

namespace archleak::models {

std::shared_ptr<StagedNetwork> make_fcn(ExampleShape shape, int64_t classes, int64_t width) {
  torch::nn::Sequential stem{torch::nn::Flatten()}, blocks, head;
  int64_t in = shape.size();
  for (int block = 0; block < 5; ++block) {
    blocks->push_back(chain(torch::nn::Linear(in, width), std::make_shared<BatchNorm>(width, true), torch::nn::ReLU()));
    in = width;
  }
  head->push_back(torch::nn::Linear(width, width));
  head->push_back(std::make_shared<Dropout>(0.5));
  add_two_layer_head(*head, width, 512, classes);
  return std::make_shared<StagedNetwork>(stem, blocks, head);
}

void restart_fcn(torch::nn::Module& network, const at::Generator& generator) {
  const torch::NoGradGuard no_grad;
  for (const auto& part : network.modules()) {
    if (auto* linear = part->as<torch::nn::LinearImpl>()) {
      linear->weight.normal_(0, 0.01, generator);
      linear->bias.zero_();
    }
  }
}

std::shared_ptr<StagedNetwork> make_column_fc(ExampleShape shape, int64_t classes) {
  torch::nn::Sequential stem{torch::nn::Flatten()}, blocks, head;
  int64_t in = shape.size();
  for (const int64_t out : {256, 128}) {
    blocks->push_back(chain(torch::nn::Linear(in, out), torch::nn::ReLU(), std::make_shared<Dropout>(0.1)));
    in = out;
  }
  head->push_back(torch::nn::Linear(in, classes));
  return std::make_shared<StagedNetwork>(stem, blocks, head);
}

}  // namespace archleak::models
