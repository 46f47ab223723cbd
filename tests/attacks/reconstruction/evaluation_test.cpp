#include "attacks/reconstruction/evaluation.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <numeric>

#include "core/error.h"
#include "core/torch_random.h"

namespace archleak::attacks {
namespace {

constexpr ExampleShape kShape{1, 12, 12};

torch::Tensor random_images(int64_t count, uint64_t seed) {
  return torch::rand({count, kShape.size()}, make_torch_generator({.seed = seed, .purpose = "images"}),
                     torch::TensorOptions().dtype(torch::kFloat64));
}

double cost(const torch::Tensor& images, const torch::Tensor& originals, const std::vector<int64_t>& assignment) {
  return (images - originals.index_select(0, torch::tensor(assignment))).square().sum().item<double>();
}

TEST(Evaluation, TheAssignmentIsTheBestOfAllPermutations) {
  for (int64_t count = 1; count <= 6; ++count) {
    for (uint64_t seed = 0; seed < 5; ++seed) {
      const auto images = random_images(count, seed), originals = random_images(count, seed + 100);
      const auto found = assign_to_originals(images, originals);
      std::vector<int64_t> permutation(count);
      std::iota(permutation.begin(), permutation.end(), 0);
      EXPECT_TRUE(std::is_permutation(found.begin(), found.end(), permutation.begin()));
      double least = std::numeric_limits<double>::infinity();
      do {
        least = std::min(least, cost(images, originals, permutation));
      } while (std::next_permutation(permutation.begin(), permutation.end()));
      EXPECT_NEAR(cost(images, originals, found), least, 1e-9);
    }
  }
  EXPECT_THROW(assign_to_originals(random_images(2, 1), random_images(3, 1)), Error);
}

TEST(Evaluation, TheOriginalItselfIsASuccessAndAnotherImageIsNone) {
  const auto images = random_images(5, 1);
  const auto others = images.slice(0, 1);
  const auto own = judge(images[0], images[0], others, kShape, 3, {});
  EXPECT_TRUE(own.success());
  EXPECT_EQ(own.mse, 0);
  EXPECT_EQ(own.nearer, 0);
  EXPECT_NEAR(own.ssim, 1, 1e-12);
  const auto other = judge(images[1], images[0], others, kShape, 3, {});
  EXPECT_FALSE(other.identified);
  EXPECT_FALSE(other.recognised);
  EXPECT_GE(other.nearer, 1);
}

TEST(Evaluation, ImagesThatAreTooSmallToBeJudgedAreRefusedBeforehand) {
  EXPECT_NO_THROW(expect_large_enough({3, 11, 11}));
  EXPECT_THROW(expect_large_enough({1, 28, 10}), DataError);
}

TEST(Evaluation, TheRecogniserMustSeeTheTrueClass) {
  const auto image = random_images(1, 1)[0];
  const auto sees = [](double probability) {
    return [probability](const torch::Tensor& images) {
      return torch::full({images.size(0), 10}, probability, torch::kFloat64);
    };
  };
  const auto none = torch::zeros({0, kShape.size()}, torch::kFloat64);
  EXPECT_TRUE(judge(image, image, none, kShape, 3, sees(0.5)).success());
  const auto unseen = judge(image, image, none, kShape, 3, sees(0.49));
  EXPECT_FALSE(unseen.success());
  EXPECT_TRUE(unseen.identified);
  EXPECT_EQ(unseen.probability, 0.49);
}

}  // namespace
}  // namespace archleak::attacks
