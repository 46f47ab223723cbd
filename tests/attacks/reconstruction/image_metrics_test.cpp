#include "attacks/reconstruction/image_metrics.h"

#include <gtest/gtest.h>

#include <cmath>

#include "core/error.h"
#include "core/torch_random.h"

namespace archleak::attacks {
namespace {

torch::Tensor noise(uint64_t seed, int64_t side = 16) {
  const auto generator = make_torch_generator({.seed = seed, .purpose = "noise"});
  return torch::rand({1, side, side}, generator, torch::TensorOptions().dtype(torch::kFloat64));
}

// One window, straight from the definition (Wang et al. 2004, equation 13).
double definition(const torch::Tensor& a, const torch::Tensor& b) {
  double total = 0, mean_a = 0, mean_b = 0, square_a = 0, square_b = 0, product = 0;
  for (int y = 0; y < 11; ++y) {
    for (int x = 0; x < 11; ++x) {
      const double weight = std::exp(-((y - 5) * (y - 5) + (x - 5) * (x - 5)) / 4.5);
      const double p = a[0][y][x].item<double>(), q = b[0][y][x].item<double>();
      total += weight, mean_a += weight * p, mean_b += weight * q;
      square_a += weight * p * p, square_b += weight * q * q, product += weight * p * q;
    }
  }
  mean_a /= total, mean_b /= total;
  const double variance_a = square_a / total - mean_a * mean_a, variance_b = square_b / total - mean_b * mean_b;
  const double covariance = product / total - mean_a * mean_b;
  return (2 * mean_a * mean_b + 1e-4) * (2 * covariance + 9e-4) /
         ((mean_a * mean_a + mean_b * mean_b + 1e-4) * (variance_a + variance_b + 9e-4));
}

TEST(ImageMetrics, EqualImagesAreEqual) {
  EXPECT_EQ(mean_squared_error(noise(1), noise(1)), 0);
  EXPECT_TRUE(std::isinf(peak_signal_to_noise(noise(1), noise(1))));
  EXPECT_NEAR(structural_similarity(noise(1), noise(1)), 1, 1e-12);
  EXPECT_NEAR(correlation(noise(1), noise(1)), 1, 1e-12);
}

TEST(ImageMetrics, AConstantErrorOfATenthIsTwentyDecibels) {
  EXPECT_NEAR(mean_squared_error(noise(1) + 0.1, noise(1)), 0.01, 1e-12);
  EXPECT_NEAR(peak_signal_to_noise(noise(1) + 0.1, noise(1)), 20, 1e-9);
  EXPECT_NEAR(correlation(noise(1) + 0.1, noise(1)), 1, 1e-12);
}

TEST(ImageMetrics, StructuralSimilarityOfOneWindowIsItsDefinition) {
  EXPECT_NEAR(structural_similarity(noise(1, 11), noise(2, 11)), definition(noise(1, 11), noise(2, 11)), 1e-12);
}

TEST(ImageMetrics, StructuralSimilarityIsTheMeanOverAllWindows) {
  const auto a = noise(1, 12), b = noise(2, 12);
  double sum = 0;
  for (int y = 0; y < 2; ++y) {
    for (int x = 0; x < 2; ++x) {
      const auto window = [&](const torch::Tensor& image) { return image.slice(1, y, y + 11).slice(2, x, x + 11); };
      sum += definition(window(a), window(b));
    }
  }
  EXPECT_NEAR(structural_similarity(a, b), sum / 4, 1e-12);
}

TEST(ImageMetrics, ImagesOfDifferentShapesAndTooSmallOnesAreRefused) {
  EXPECT_THROW(mean_squared_error(noise(1), noise(1, 12)), Error);
  EXPECT_THROW(structural_similarity(noise(1, 10), noise(2, 10)), Error);
}

}  // namespace
}  // namespace archleak::attacks
