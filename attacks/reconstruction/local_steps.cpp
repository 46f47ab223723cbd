#include "attacks/reconstruction/local_steps.h"

#include <limits>

namespace archleak::attacks {
namespace {

constexpr int kRounds = 4;  // of estimating images, then drift

torch::Tensor flat(const std::vector<torch::Tensor>& tensors) {
  std::vector<torch::Tensor> parts;
  for (const auto& tensor : tensors) parts.push_back(tensor.detach().flatten());
  return torch::cat(parts).to(torch::kFloat64);
}

void step(const std::vector<torch::Tensor>& parameters, const std::vector<torch::Tensor>& gradients, double lr) {
  const torch::NoGradGuard no_grad;
  for (size_t i = 0; i < parameters.size(); ++i) parameters[i].sub_(gradients[i], lr);
}

}  // namespace

torch::Tensor local_drift(nas::DagNetwork& network, const torch::Tensor& images, const std::vector<int64_t>& labels,
                          const LocalSteps& steps) {
  const torch::AutoGradMode with_grad(true);
  const auto alphas = network.alphas();
  std::vector<torch::Tensor> weights, before;
  for (const auto& item : network.named_parameters()) {
    if (!network.is_alpha(item.key())) weights.push_back(item.value());
  }
  for (const auto& parameter : network.parameters()) before.push_back(parameter.detach().clone());
  const auto shape = network.shape();
  const auto input = images.view({-1, shape.channels, shape.height, shape.width}).to(alphas.front().scalar_type());
  const auto gradient = [&](const std::vector<torch::Tensor>& of) {
    return torch::autograd::grad({torch::cross_entropy_loss(network.forward(input), torch::tensor(labels))}, of);
  };
  torch::Tensor first, sum;
  for (int64_t i = 0; i < steps.count; ++i) {
    const auto own = gradient(alphas);
    const auto values = flat(own);
    if (i == 0) first = values;
    sum = i == 0 ? values.clone() : sum.add_(values);
    if (i + 1 == steps.count) break;
    step(alphas, own, steps.alpha_lr);
    if (steps.weights_lr > 0) step(weights, gradient(weights), steps.weights_lr);
  }
  const torch::NoGradGuard no_grad;
  const auto moved = network.parameters();
  for (size_t i = 0; i < moved.size(); ++i) moved[i].copy_(before[i]);
  return sum / steps.count - first;
}

Reconstruction reconstruct_through_steps(const SteppedGradient& observed, const GaussianPrior& prior,
                                         const ReconstructionOptions& options, at::Generator generator) {
  const DagWeights weights(observed.network);
  const auto batch = static_cast<int64_t>(observed.labels.size());
  const auto drift_at = [&](const torch::Tensor& images) {
    return local_drift(observed.network, images.view({batch, -1}), observed.labels, observed.steps);
  };
  auto drift = drift_at(prior.mean);
  auto doubt = drift.abs();
  Reconstruction best{.images = prior.mean.view({batch, -1}),
                      .labels = observed.labels,
                      .unexplained = std::numeric_limits<double>::infinity()};
  for (int round = 0; round < kRounds && drift.isfinite().all().item<bool>(); ++round) {
    AlphaObservation supposed(weights, observed.labels, observed.gradient - drift);
    supposed.expect_noise(observed.noise.defined() ? (doubt.square() + observed.noise.square()).sqrt() : doubt);
    auto found = reconstruct(supposed, prior, options, generator);
    const auto next = drift_at(found.images);
    if (!next.isfinite().all().item<bool>()) break;
    AlphaObservation simulated(weights, observed.labels, observed.gradient - next);
    if (observed.noise.defined()) simulated.expect_noise(observed.noise);
    found.unexplained = simulated.unexplained(found.images.flatten());
    doubt = (next - drift).abs();
    drift = next;
    if (found.unexplained < best.unexplained) best = std::move(found);
  }
  return best;
}

}  // namespace archleak::attacks
