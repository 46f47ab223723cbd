#pragma once
#include <torch/torch.h>

#include "models/layers.h"
#include "models/network.h"

namespace archleak::models {

/// A network that is a chain: stem, then blocks one after the other, then a head that makes logits.
///
/// The parts are open, so that exits can be put between blocks and embeddings be read off: `enter`, then the blocks,
/// then the head, run one by one, give what `forward` gives. Parameters are named "stem.0.weight",
/// "blocks.3.conv1.weight", "head.2.bias".
class StagedNetwork : public Network {
 public:
  StagedNetwork(torch::nn::Sequential stem, torch::nn::Sequential blocks, torch::nn::Sequential head);

  torch::Tensor forward(const torch::Tensor& images) override;

  /// What the first block reads: the stem's output, channels_last.
  torch::Tensor enter(const torch::Tensor& images);

  void set_generator(const at::Generator& generator) override;

  torch::nn::Sequential stem;
  torch::nn::Sequential blocks;
  torch::nn::Sequential head;
};

}  // namespace archleak::models
