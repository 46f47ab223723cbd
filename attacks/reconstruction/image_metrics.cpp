#include "attacks/reconstruction/image_metrics.h"

#include <cmath>
#include <limits>

#include <spdlog/fmt/fmt.h>

#include "core/error.h"

namespace archleak::attacks {
namespace {

constexpr int64_t kWindow = kSmallestSide;

torch::Tensor pixels(const torch::Tensor& image) {
  return image.detach().to(torch::kCPU, torch::kFloat64).contiguous();
}

void expect_same_shape(const torch::Tensor& image, const torch::Tensor& original) {
  if (image.sizes() == original.sizes() && image.numel() > 0) return;
  throw Error(
      fmt::format("image metric: expected two images of one shape, got {} and {} dimensions of {} and {} pixels",
                  image.dim(), original.dim(), image.numel(), original.numel()));
}

torch::Tensor gaussian_window() {
  const auto offset = torch::arange(kWindow, torch::kFloat64) - static_cast<double>(kWindow / 2);
  auto window = (-offset.square() / (2 * 1.5 * 1.5)).exp();
  window /= window.sum();
  return torch::outer(window, window).view({1, 1, kWindow, kWindow});
}

}  // namespace

double mean_squared_error(const torch::Tensor& image, const torch::Tensor& original) {
  expect_same_shape(image, original);
  return (pixels(image) - pixels(original)).square().mean().item<double>();
}

double peak_signal_to_noise(const torch::Tensor& image, const torch::Tensor& original) {
  const double error = mean_squared_error(image, original);
  return error > 0 ? -10 * std::log10(error) : std::numeric_limits<double>::infinity();
}

double correlation(const torch::Tensor& image, const torch::Tensor& original) {
  expect_same_shape(image, original);
  const auto a = pixels(image) - pixels(image).mean(), b = pixels(original) - pixels(original).mean();
  const double norms = (a.norm() * b.norm()).item<double>();
  return norms > 0 ? (a * b).sum().item<double>() / norms : 0;
}

double structural_similarity(const torch::Tensor& image, const torch::Tensor& original) {
  expect_same_shape(image, original);
  const int64_t height = image.size(-2), width = image.size(-1);
  if (height < kWindow || width < kWindow) {
    throw Error(fmt::format("structural similarity: expected sides of at least {}, got {}x{}", kWindow, height, width));
  }
  constexpr double kLuminance = 0.01 * 0.01, kContrast = 0.03 * 0.03;
  const auto a = pixels(image).view({-1, 1, height, width}), b = pixels(original).view({-1, 1, height, width});
  const auto window = gaussian_window();
  const auto local_mean = [&](const torch::Tensor& values) { return torch::conv2d(values, window); };
  const auto mean_a = local_mean(a), mean_b = local_mean(b);
  const auto variance_a = local_mean(a * a) - mean_a * mean_a, variance_b = local_mean(b * b) - mean_b * mean_b;
  const auto covariance = local_mean(a * b) - mean_a * mean_b;
  const auto similarity = (2 * mean_a * mean_b + kLuminance) * (2 * covariance + kContrast) /
                          ((mean_a * mean_a + mean_b * mean_b + kLuminance) * (variance_a + variance_b + kContrast));
  return similarity.mean().item<double>();
}

}  // namespace archleak::attacks
