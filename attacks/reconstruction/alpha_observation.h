#pragma once
#include <torch/torch.h>

#include <vector>

#include "attacks/reconstruction/alpha_gradients.h"
#include "attacks/reconstruction/alpha_jacobian.h"

namespace archleak::attacks {

/// The alpha gradient of a batch that was observed, and the model that predicts it: what a reconstruction works from.
///
/// The threat model is: weights and alpha known (the server broadcast them), labels known or supposed. Alphas without
/// effect ("none" unless alpha is mapped by softmax, max pooling where there is none) are left out. A batch's images
/// are one vector `[pixels()]`, image after image; its gradient is the mean of theirs, weighted or not.
class AlphaObservation {
 public:
  /// What a prediction is computed in. Rough ones, in float32, take half the time and err by a millionth, which does
  /// not matter to beliefs about images that are far wider.
  enum class Precision { exact, rough };

  /// `gradient` `[alphas]`, connections first, then operations cell by cell; `labels` has one class for each image of
  /// the batch. `weights` must outlive this. Throws Error for a gradient of another size or with values that are not
  /// finite, and for labels that are no class.
  ///
  /// With a `sign_offset` `[alphas]`, what was observed are signs alone, those of the gradient plus the offset: a step
  /// of Adam, whose offset is the weight decay times alpha. Then observed() and predict() are signs.
  AlphaObservation(const DagWeights& weights, std::vector<int64_t> labels, const torch::Tensor& gradient,
                   const torch::Tensor& sign_offset = {});

  /// Says which part each image has in the gradient, `[batch]`, of sum one; unsaid: all the same. Those of a smaller
  /// batch have a larger one where a gradient is the mean over several batches. Throws Error for another number of
  /// them.
  void weigh_images(std::vector<double> shares);

  /// Says how far observed values are expected to be from those of the gradient, as standard deviations `[alphas]`, of
  /// a defence whose settings are known. Throws Error for another size, or values that are negative or not finite.
  void expect_noise(const torch::Tensor& deviations);

  /// Those deviations `[size()]`; undefined where none are expected.
  const torch::Tensor& noise() const { return noise_; }

  /// Says that the gradient may have been shortened by clipping: only its direction is observed then, that of the
  /// gradient plus `offset` `[alphas]` (none: zero), and observed() and predict() have length one. What noise adds to
  /// the length is taken off. To be said after the noise; throws Error for signs, and for a gradient that is zero.
  void forget_length(const torch::Tensor& offset = {});

  bool signs() const { return seen_ == Seen::signs; }

  /// What is observed of gradients `[size()]` or `[candidates, size()]`: themselves, signs, or directions.
  torch::Tensor seen(const torch::Tensor& gradients) const;

  int64_t size() const { return observed_.size(0); }
  const std::vector<int64_t>& labels() const { return labels_; }
  int64_t batch() const { return static_cast<int64_t>(labels_.size()); }
  int64_t pixels() const { return batch() * weights_.pixels(); }

  /// What was observed, `[size()]`.
  const torch::Tensor& observed() const { return observed_; }

  /// What `images` `[candidates, pixels()]` would give, `[candidates, size()]`.
  torch::Tensor predict(const torch::Tensor& images, Precision precision = Precision::exact) const;

  /// The gradient (its direction where only that is observed, but not its signs; always exact) at one vector of images
  /// and its differential along `directions` `[pixels(), directions]`, with rows `[size()]`. Directions that leave an
  /// image as it is cost nothing for that image.
  AlphaLinearisation linearise(const torch::Tensor& images, const torch::Tensor& directions,
                               Precision precision = Precision::exact) const;

  /// How far `images` `[pixels()]` are from explaining what was observed: the length of the residual with rows scaled
  /// by their observed size (and the noise), relative to that of no explanation at all (zero); infinite where
  /// figures are not finite. For choosing among candidates; never reads the truth.
  double unexplained(const torch::Tensor& images) const;

 private:
  enum class Seen { values, signs, direction };
  torch::Tensor rows_of(const torch::Tensor& alphas, const char* what) const;
  template <typename Real>
  torch::Tensor predict_in(const BasicDagWeights<Real>& weights, const torch::Tensor& images) const;

  const DagWeights& weights_;
  BasicDagWeights<float> rough_;
  std::vector<int64_t> labels_;
  std::vector<double> shares_;
  Seen seen_ = Seen::values;
  torch::Tensor rows_, offset_, observed_, noise_;
};

}  // namespace archleak::attacks
