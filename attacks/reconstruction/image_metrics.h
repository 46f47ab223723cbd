#pragma once
#include <torch/torch.h>

#include <cstdint>

namespace archleak::attacks {

/// How near a reconstruction comes to the original. Both are `[channels, height, width]` (or `[height, width]`) with
/// values in [0, 1]; computed in float64. All throw Error unless the shapes agree.

/// Mean squared error.
double mean_squared_error(const torch::Tensor& image, const torch::Tensor& original);

/// Peak signal-to-noise ratio in dB for a peak of one; infinite for equal images.
double peak_signal_to_noise(const torch::Tensor& image, const torch::Tensor& original);

/// Pearson's correlation of the pixels; zero if either image is constant.
double correlation(const torch::Tensor& image, const torch::Tensor& original);

/// What structural similarity needs of an image, in pixels.
inline constexpr int64_t kSmallestSide = 11;

/// Structural similarity (Wang et al. 2004): Gaussian window of kSmallestSide squared with sigma 1.5, K1 = 0.01, K2 =
/// 0.03, data range 1, the mean over all windows that lie within the image, and over channels. Throws Error for smaller
/// sides.
double structural_similarity(const torch::Tensor& image, const torch::Tensor& original);

}  // namespace archleak::attacks
