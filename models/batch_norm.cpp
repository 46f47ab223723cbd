#include "models/batch_norm.h"

#include <numeric>

#include "models/batch_norm_pass.h"

namespace archleak::models {

namespace {

int64_t groups_of(int64_t channels) {
  return channels % 4 == 0 ? std::gcd(channels / 4, int64_t{32}) : 1;
}

}  // namespace

BatchStatistics batch_statistics(const double* sums, int64_t channels, double count) {
  BatchStatistics statistics{.mean = std::vector<double>(channels), .variance = std::vector<double>(channels)};
  for (int64_t c = 0; c < channels; ++c) {
    const double mean = sums[c] / count;
    statistics.mean[c] = mean;
    statistics.variance[c] = std::max(0.0, sums[channels + c] / count - mean * mean);
  }
  return statistics;
}

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
  if (by_group_) return torch::group_norm(input, groups_of(input.size(1)), weight, bias, kEpsilon);
  if (normalises_by_batch() && has_batch_norm_pass(input)) return batch_norm_pass(*this, input);
  if (batch_only_) return torch::batch_norm(input, weight, bias, {}, {}, true, kMomentum, kEpsilon, false);
  if (is_training()) {
    const torch::NoGradGuard no_grad;
    num_batches_tracked.add_(1);
  }
  return torch::batch_norm(input, weight, bias, running_mean, running_var, is_training(), kMomentum, kEpsilon, false);
}

BatchStatistics BatchNorm::running_statistics() const {
  const auto values = [](const torch::Tensor& tensor) {
    const torch::Tensor wide = tensor.to(torch::kCPU, torch::kFloat64).contiguous();
    return std::vector<double>(wide.data_ptr<double>(), wide.data_ptr<double>() + wide.numel());
  };
  return {.mean = values(running_mean), .variance = values(running_var)};
}

void BatchNorm::track(const BatchStatistics& statistics, double count) {
  if (batch_only_) return;
  const torch::NoGradGuard no_grad;
  const double unbiased = count > 1 ? count / (count - 1) : 1;
  AT_DISPATCH_FLOATING_TYPES(running_mean.scalar_type(), "track", [&] {
    auto* const mean = running_mean.data_ptr<scalar_t>();
    auto* const variance = running_var.data_ptr<scalar_t>();
    for (size_t c = 0; c < statistics.mean.size(); ++c) {
      mean[c] = static_cast<scalar_t>((1 - kMomentum) * mean[c] + kMomentum * statistics.mean[c]);
      variance[c] =
          static_cast<scalar_t>((1 - kMomentum) * variance[c] + kMomentum * unbiased * statistics.variance[c]);
    }
    *num_batches_tracked.data_ptr<scalar_t>() += 1;
  });
}

void use_batch_statistics(torch::nn::Module& module, bool only) {
  module.apply([only](torch::nn::Module& part) {
    if (auto* norm = dynamic_cast<BatchNorm*>(&part)) norm->use_batch_statistics(only);
  });
}

void use_group_norm(torch::nn::Module& module) {
  module.apply([](torch::nn::Module& part) {
    if (auto* norm = dynamic_cast<BatchNorm*>(&part)) norm->use_groups();
  });
}

bool mixes_examples(const torch::nn::Module& module) {
  for (const auto& part : module.modules()) {
    const auto* norm = dynamic_cast<const BatchNorm*>(part.get());
    if (norm && !norm->normalises_by_group()) return true;
  }
  return false;
}

}  // namespace archleak::models
