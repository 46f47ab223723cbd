#include "models/staged_network.h"

namespace archleak::models {
namespace {

/// With one channel torch cannot tell the layouts apart and may leave channels_last in its first convolution.
torch::Tensor channels_last(const torch::Tensor& tensor) {
  return tensor.dim() == 4 ? tensor.contiguous(torch::MemoryFormat::ChannelsLast) : tensor;
}

}  // namespace

StagedNetwork::StagedNetwork(torch::nn::Sequential stem, torch::nn::Sequential blocks, torch::nn::Sequential head)
    : stem(register_module("stem", std::move(stem))),
      blocks(register_module("blocks", std::move(blocks))),
      head(register_module("head", std::move(head))) {}

torch::Tensor StagedNetwork::forward(const torch::Tensor& images) {
  return head->forward(blocks->forward(enter(images)));
}

torch::Tensor StagedNetwork::enter(const torch::Tensor& images) {
  const torch::Tensor input = channels_last(images);
  return stem->is_empty() ? input : channels_last(stem->forward(input));
}

void StagedNetwork::set_generator(const at::Generator& generator) {
  Network::set_generator(generator);
  set_dropout_generator(*this, generator);
}

}  // namespace archleak::models
