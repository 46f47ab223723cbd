#pragma once
#include <torch/torch.h>

#include <vector>

namespace archleak::attacks {

/// What an attacker believes of an image before any observation: x = mean + basis z with z standard normal.
///
/// The columns of `basis` are the principal components of public images, each scaled by its standard deviation, the
/// largest first. float64 on the CPU.
struct GaussianPrior {
  torch::Tensor mean;        ///< `[pixels]`
  torch::Tensor components;  ///< `[pixels, components]`, orthonormal columns
  torch::Tensor deviations;  ///< `[components]`, descending

  int64_t size() const { return deviations.size(0); }

  /// The first `count` scaled components, `[pixels, count]`.
  torch::Tensor basis(int64_t count) const;

  /// The image, or the images `[images, pixels]`, at `z` `[components]` or `[images, components]`.
  torch::Tensor image(const torch::Tensor& z) const;

  /// z `[components]` of an image `[pixels]`.
  torch::Tensor coordinates(const torch::Tensor& image) const;
};

/// The prior of mean and covariance of `images` `[images, pixels]`, with all components; standard deviations below
/// `smallest_deviation` are raised to it, so that no pixel is ruled out. Throws Error for fewer than two images.
GaussianPrior fit_gaussian_prior(const torch::Tensor& images, double smallest_deviation = 0.003);

/// The prior of a batch, image after image, each with its own prior and independent of the others. The components are
/// each image's, so all but one image's pixels are zero in them, sorted by deviation.
GaussianPrior join_priors(const std::vector<GaussianPrior>& priors);

/// The absence of a prior: the same mean and deviation for every pixel, in the order of the pixels.
GaussianPrior flat_prior(int64_t pixels, double mean = 0.1, double deviation = 0.3);

}  // namespace archleak::attacks
