#pragma once
#include <torch/torch.h>

#include "attacks/reconstruction/alpha_gradients.h"
#include "attacks/reconstruction/alpha_jacobian.h"

namespace archleak::attacks {

/// An alpha gradient that was observed, and the model that predicts it: what a reconstruction works from.
///
/// The threat model is: weights and alpha known (the server broadcast them), batch of one, label known. Alphas without
/// effect ("none" unless alpha is mapped by softmax, max pooling where there is none) are left out.
class AlphaObservation {
 public:
  /// `gradient` `[alphas]`, connections first, then operations cell by cell. `weights` must outlive this. Throws Error
  /// for a gradient of another size or with values that are not finite.
  AlphaObservation(const DagWeights& weights, int64_t label, const torch::Tensor& gradient);

  int64_t size() const { return observed_.size(0); }
  int64_t pixels() const { return weights_.pixels(); }

  /// What was observed, `[size()]`.
  const torch::Tensor& observed() const { return observed_; }

  /// What `images` `[images, pixels]` would give, `[images, size()]`.
  torch::Tensor predict(const torch::Tensor& images) const;

  /// The prediction at one image and its differential along `directions`, with rows `[size()]`.
  AlphaLinearisation linearise(const torch::Tensor& image, const torch::Tensor& directions) const;

 private:
  const DagWeights& weights_;
  int64_t label_;
  torch::Tensor rows_, observed_;
};

}  // namespace archleak::attacks
