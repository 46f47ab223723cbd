#include "client/private_gradient.h"

#include "defenses/clipped_gradient.h"
#include "defenses/update_transform.h"

namespace archleak::client {
namespace {

void finish(torch::Tensor sum, PrivateMean& mean) {
  const auto [clip, noise_multiplier] = mean.mechanism;
  defenses::add_gaussian_noise({sum.data_ptr<float>(), static_cast<size_t>(sum.numel())}, noise_multiplier * clip,
                               mean.noise);
  sum.div_(mean.expected_batch);
}

}  // namespace

torch::Tensor private_weight_gradient(const std::function<torch::Tensor()>& losses, int64_t examples,
                                      const std::vector<torch::Tensor>& weights, torch::Tensor gradient,
                                      PrivateMean& mean) {
  gradient.zero_();
  torch::Tensor values = torch::zeros({0});
  if (examples > 0) values = defenses::add_clipped_gradients(losses, weights, mean.mechanism.clip).losses;
  finish(gradient, mean);
  return values;
}

torch::Tensor private_alpha_gradient(nas::SearchNetwork& network, const nas::Batch& batch, torch::Tensor gradient,
                                     PrivateMean& mean) {
  gradient.zero_();
  torch::Tensor values = torch::zeros({0});
  if (batch.labels.size(0) > 0) {
    const auto alpha = nas::alpha_gradients_by_example(network, batch);
    const torch::Tensor norms = torch::linalg_vector_norm(alpha.gradients, 2, at::IntArrayRef{1});
    gradient.copy_(defenses::clip_factors(norms, mean.mechanism.clip).matmul(alpha.gradients));
    values = alpha.losses;
  }
  finish(gradient, mean);
  return values;
}

}  // namespace archleak::client
