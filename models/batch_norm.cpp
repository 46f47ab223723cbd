#include "models/batch_norm.h"

namespace archleak::models {

BatchNorm::BatchNorm(int64_t channels, bool affine) {
  if (affine) {
    weight = register_parameter("weight", torch::ones({channels}));
    bias = register_parameter("bias", torch::zeros({channels}));
  }
  running_mean = register_buffer("running_mean", torch::zeros({channels}));
  running_var = register_buffer("running_var", torch::ones({channels}));
  num_batches_tracked = register_buffer("num_batches_tracked", torch::zeros({}));
}

torch::Tensor BatchNorm::forward(const torch::Tensor& input) {
  if (batch_only_) return torch::batch_norm(input, weight, bias, {}, {}, true, kMomentum, kEpsilon, false);
  if (is_training()) {
    const torch::NoGradGuard no_grad;
    num_batches_tracked.add_(1);
  }
  return torch::batch_norm(input, weight, bias, running_mean, running_var, is_training(), kMomentum, kEpsilon, false);
}

void use_batch_statistics(torch::nn::Module& module, bool only) {
  module.apply([only](torch::nn::Module& part) {
    if (auto* norm = dynamic_cast<BatchNorm*>(&part)) norm->use_batch_statistics(only);
  });
}

}  // namespace archleak::models
