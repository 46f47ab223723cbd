#include "attacks/reconstruction/expected_noise.h"

#include <gtest/gtest.h>

#include "core/torch_random.h"
#include "defenses/update_transform.h"

namespace archleak::attacks {
namespace {

using defenses::DefenseOptions;
using defenses::NoiseOptions;
using defenses::Transform;

class ExpectedNoise : public testing::TestWithParam<DefenseOptions> {};

TEST_P(ExpectedNoise, IsAboutWhatTheDefenceDidToTheUpdate) {
  constexpr int64_t kValues = 4000;
  const auto before = torch::randn({kValues}, make_torch_generator({.purpose = "update"}), torch::kFloat32);
  auto sent = before.clone();
  const auto& options = GetParam();
  const double clip_std = options.clip_noise.noise_multiplier * options.clip_noise.clip;
  defenses::UpdateDefense(options, clip_std)
      .apply({sent.data_ptr<float>(), kValues}, {.weights = 0, .alpha = kValues, .buffers = 0}, {.seed = 5});
  const auto expected = expected_noise(options, clip_std, sent);
  ASSERT_GT(expected.max().item<double>(), 0);
  const auto changed = (sent - before).to(torch::kFloat64);
  EXPECT_NEAR(changed.norm().item<double>() / expected.norm().item<double>(), 1, 0.25);
}

TEST(ExpectedNoise, IsNoneWithoutADefenceAndOfThatOfTheWeights) {
  const auto sent = torch::randn({50});
  EXPECT_EQ(expected_noise({}, 0, sent).abs().max().item<double>(), 0);
  DefenseOptions options;
  options.transforms = {Transform::noise};
  options.noise.on = NoiseOptions::On::weights;
  EXPECT_EQ(expected_noise(options, 0, sent).abs().max().item<double>(), 0);
}

TEST(ExpectedGradientNoise, ComesThroughTheReadingAndIsUndefinedWhereNothingIsDefendedOrLeft) {
  const auto alpha = torch::rand({50}, torch::kFloat64), sent = torch::randn({50}, torch::kFloat64);
  DefenseOptions options;
  options.transforms = {Transform::noise};
  options.noise.unit = NoiseOptions::Unit::std;
  options.noise.amount = 0.3;
  const AlphaUpdate sgd{.kind = AlphaUpdateKind::sgd, .lr = 0.1, .steps = 2, .decay = 0.01};
  const auto noise = expected_gradient_noise(options, 0, sent, alpha, sgd);
  EXPECT_TRUE(noise.allclose(torch::full({50}, 0.3 / (0.1 * 2), torch::kFloat64)));
  EXPECT_FALSE(expected_gradient_noise({}, 0, sent, alpha, sgd).defined());
  EXPECT_FALSE(expected_gradient_noise(options, 0, sent, alpha, {.kind = AlphaUpdateKind::adam, .lr = 0.1}).defined());
}

DefenseOptions with(Transform transform) {
  DefenseOptions options;
  options.transforms = {transform};
  options.clip_noise.clip = 1000;  // nothing is clipped
  options.clip_noise.noise_multiplier = 1e-4;
  options.quantise.bits = 4;
  options.top_k.share = 0.3;
  return options;
}

DefenseOptions gaussian(NoiseOptions::Unit unit, double amount) {
  DefenseOptions options = with(Transform::noise);
  options.noise.unit = unit;
  options.noise.amount = amount;
  return options;
}

INSTANTIATE_TEST_SUITE_P(Of, ExpectedNoise,
                         testing::Values(gaussian(NoiseOptions::Unit::std, 0.3),
                                         gaussian(NoiseOptions::Unit::variance, 0.01),
                                         gaussian(NoiseOptions::Unit::gradient, 0.5), with(Transform::clip_noise),
                                         with(Transform::quantise), with(Transform::top_k)));

}  // namespace
}  // namespace archleak::attacks
