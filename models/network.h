#pragma once
#include <torch/torch.h>

namespace archleak::models {

/// A classifier over images `[batch, channels, height, width]` or table rows `[batch, features, 1, 1]`.
///
/// Image tensors are channels_last throughout. All that a network draws (dropout, drop-path) comes from the generator
/// that it is given; nothing reads torch's global generator.
class Network : public torch::nn::Module {
 public:
  /// Logits `[batch, classes]`.
  virtual torch::Tensor forward(const torch::Tensor& images) = 0;

  /// Where random draws in training mode come from, until the next call. Networks that draw nothing ignore it.
  virtual void set_generator(const at::Generator& generator) { generator_ = generator; }

 protected:
  at::Generator generator_;
};

}  // namespace archleak::models
