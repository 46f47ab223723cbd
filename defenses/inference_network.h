#pragma once
#include <torch/torch.h>

#include <cstdint>

#include "defenses/options.h"

namespace archleak::defenses {

/// Guesses from a classifier's answer about an example, and from the example's label, whether the classifier was
/// trained on it (Nasr, Shokri, Houmansadr 2018, figure 3): one branch on the probabilities, one on the one-hot label,
/// and a third on what both found; fully connected, with ReLU. Weights start as LibTorch's linear layers do (the
/// paper's N(0, 0.01^2) all but stops the gradient in narrow branches).
class InferenceNetwork : public torch::nn::Module {
 public:
  InferenceNetwork(int64_t classes, const AdversarialOptions& options);

  /// The logits `[batch]` of "is a member", for `probabilities` `[batch, classes]` and `labels` `[batch]`.
  torch::Tensor forward(const torch::Tensor& probabilities, const torch::Tensor& labels);

 private:
  int64_t classes_;
  torch::nn::Sequential predictions_, labels_, joint_;
};

/// The parameters of such a network.
int64_t inference_parameters(int64_t classes, const AdversarialOptions& options);

/// The most that it may have: with Adam's moments 12 MiB, which a client keeps and its tasks carry.
inline constexpr int64_t kMostInferenceParameters = int64_t{1} << 20;

/// Throws ConfigError for one that would have more.
void check_inference_network(int64_t classes, const AdversarialOptions& options);

}  // namespace archleak::defenses
