#include "defenses/update_transform.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>

#include "core/error.h"

namespace archleak::defenses {
namespace {

using testing::Each;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr UpdateLayout kLayout{.weights = 3000, .alpha = 1000, .buffers = 10};

RandomEngine engine(std::string_view purpose = "transform test") {
  return make_engine({.seed = 4, .purpose = purpose});
}

std::vector<float> random_values(int64_t size, double scale = 1) {
  RandomEngine draws = engine("values");
  std::vector<float> values(size);
  for (float& value : values) value = static_cast<float>(scale * (uniform(draws) - 0.5));
  return values;
}

double norm(std::span<const float> values) {
  double sum = 0;
  for (const float value : values) sum += static_cast<double>(value) * value;
  return std::sqrt(sum);
}

double std_of_difference(std::span<const float> a, std::span<const float> b) {
  double sum = 0;
  for (size_t i = 0; i < a.size(); ++i) sum += std::pow(static_cast<double>(a[i]) - b[i], 2);
  return std::sqrt(sum / static_cast<double>(a.size()));
}

TEST(GaussianNoise, HasTheMeanAndTheSpreadThatWereAskedFor) {
  std::vector<float> values(200000, 3);
  RandomEngine draws = engine();
  add_gaussian_noise(values, 0.5, draws);
  double mean = 0;
  int64_t within = 0;
  for (const float value : values) {
    mean += value / static_cast<double>(values.size());
    within += std::abs(value - 3) < 0.5;
  }
  EXPECT_NEAR(mean, 3, 4 * 0.5 / std::sqrt(200000));
  EXPECT_NEAR(std_of_difference(values, std::vector<float>(values.size(), 3)), 0.5, 0.004);
  EXPECT_NEAR(static_cast<double>(within) / static_cast<double>(values.size()), 0.6827, 0.005);
}

TEST(ClipAndAddNoise, BoundsTheNormBeforeItAddsNoise) {
  RandomEngine draws = engine();
  for (const double scale : {1e-3, 1.0, 1e5}) {
    auto values = random_values(1001, scale);
    const auto before = values;
    clip_and_add_noise(values, 2, 0, draws);
    EXPECT_LE(norm(values), 2) << "rounding included";
    if (norm(before) < 2) {
      EXPECT_EQ(values, before);
    } else {
      EXPECT_NEAR(norm(values), 2, 1e-6);
    }
    const auto clipped = values;
    add_gaussian_noise(values, 0.7, draws);
    EXPECT_NEAR(std_of_difference(values, clipped), 0.7, 0.1);
  }
}

TEST(KeepLargest, KeepsTheShareRoundedUpAndTheFirstOfEquals) {
  std::vector<float> values{1, -5, 0, 3, -3};
  keep_largest(values, 0.4);
  EXPECT_THAT(values, ElementsAre(0, -5, 0, 3, 0));
  std::vector<float> few{1, 2, 3};
  keep_largest(few, 0.01);
  EXPECT_THAT(few, ElementsAre(0, 0, 3));
  keep_largest(few, 1);
  EXPECT_THAT(few, ElementsAre(0, 0, 3));
  std::vector<float> none;
  keep_largest(none, 0.5);
  EXPECT_TRUE(none.empty());
}

TEST(KeepLargest, WithErrorFeedbackNothingIsLost) {
  std::vector<float> values{1, -5, 0, 3};
  std::vector<float> residual{0, 0, 4, 0.5f};
  keep_largest(values, 0.5, residual);
  EXPECT_THAT(values, ElementsAre(0, -5, 4, 0));
  EXPECT_THAT(residual, ElementsAre(1, 0, 0, 3.5f));
  std::vector<float> other(3);
  EXPECT_THROW(keep_largest(values, 0.5, other), DataError);
}

TEST(Quantise, KeepsTheExpectationAndHasNoMoreLevelsThanItsBits) {
  const auto values = random_values(50);
  std::vector<double> sums(values.size());
  std::set<float> levels;
  RandomEngine draws = engine();
  constexpr int kTrials = 4000;
  for (int trial = 0; trial < kTrials; ++trial) {
    auto rounded = values;
    quantise(rounded, 3, draws);
    levels.insert(rounded.begin(), rounded.end());
    for (size_t i = 0; i < values.size(); ++i) sums[i] += rounded[i];
  }
  EXPECT_LE(levels.size(), 7u);
  const double step = *levels.rbegin() / 3;
  for (size_t i = 0; i < values.size(); ++i) EXPECT_NEAR(sums[i] / kTrials, values[i], 4 * step / std::sqrt(kTrials));
}

TEST(Quantise, LeavesZerosAndTheLargestValueAsTheyAre) {
  RandomEngine draws = engine();
  std::vector<float> zeros(5);
  quantise(zeros, 2, draws);
  EXPECT_THAT(zeros, Each(0));
  std::vector<float> values{0, -2.5f, 2.5f};
  quantise(values, 2, draws);
  EXPECT_THAT(values, ElementsAre(0, -2.5f, 2.5f));
}

TEST(UpdateDefense, WithoutTransformsItChangesNothing) {
  auto update = random_values(kLayout.size());
  const auto before = update;
  UpdateDefense().apply(update, kLayout, {});
  EXPECT_EQ(update, before);
}

TEST(UpdateDefense, NoiseGoesWhereItIsToldToAndNeverToTheStatistics) {
  using On = NoiseOptions::On;
  const auto before = random_values(kLayout.size());
  for (const On on : {On::alpha, On::weights, On::both}) {
    auto update = before;
    UpdateDefense({.transforms = {Transform::noise}, .noise = {.on = on, .amount = 0.01}}).apply(update, kLayout, {});
    const auto changed = [&](int64_t first, int64_t size) {
      return std_of_difference(std::span(update).subspan(first, size), std::span(before).subspan(first, size));
    };
    EXPECT_NEAR(changed(0, 3000), on == On::alpha ? 0 : 0.1, on == On::alpha ? 0 : 0.01) << "variance 0.01";
    EXPECT_NEAR(changed(3000, 1000), on == On::weights ? 0 : 0.1, on == On::weights ? 0 : 0.01);
    EXPECT_EQ(changed(4000, 10), 0);
  }
}

TEST(UpdateDefense, NoiseComesInThreeUnits) {
  using Unit = NoiseOptions::Unit;
  const UpdateLayout alpha{.alpha = 20000};
  const auto before = random_values(20000, 8);
  const double root_mean_square = norm(before) / std::sqrt(20000);
  for (const auto& [unit, std] : {std::pair{Unit::std, 0.25}, std::pair{Unit::variance, 0.5},
                                  std::pair{Unit::gradient, 0.25 * root_mean_square}}) {
    auto update = before;
    UpdateDefense({.transforms = {Transform::noise}, .noise = {.amount = 0.25, .unit = unit}}).apply(update, alpha, {});
    EXPECT_NEAR(std_of_difference(update, before) / std, 1, 0.03);
  }
}

TEST(UpdateDefense, TheSameKeyGivesTheSameBitsAndAnotherGivesOthers) {
  const UpdateDefense defense({.transforms = {Transform::clip_noise, Transform::quantise}}, 0.1);
  const auto sent = [&](const UpdateKey& key) {
    auto update = random_values(kLayout.size());
    defense.apply(update, kLayout, key);
    return update;
  };
  const UpdateKey key{.seed = 1, .round = 2, .client = 3};
  EXPECT_EQ(sent(key), sent(key));
  EXPECT_NE(sent(key), sent({.seed = 2, .round = 2, .client = 3}));
  EXPECT_NE(sent(key), sent({.seed = 1, .round = 3, .client = 3}));
  EXPECT_NE(sent(key), sent({.seed = 1, .round = 2, .client = 4}));
}

TEST(UpdateDefense, TransformsApplyInTheOrderTheyAreNamed) {
  const auto zeros = [](const std::vector<Transform>& transforms) {
    auto update = random_values(kLayout.size());
    UpdateDefense({.transforms = transforms, .noise = {.on = NoiseOptions::On::both}}).apply(update, kLayout, {});
    return std::count(update.begin(), update.end() - kLayout.buffers, 0.0f);
  };
  EXPECT_EQ(zeros({Transform::noise, Transform::top_k}), 3600);
  EXPECT_EQ(zeros({Transform::top_k, Transform::noise}), 0);
}

TEST(UpdateDefense, TheNormOfWeightsAndAlphaTogetherIsClipped) {
  auto update = random_values(kLayout.size());
  const std::vector<float> statistics(update.end() - 10, update.end());
  UpdateDefense({.transforms = {Transform::clip_noise}, .clip_noise = {.clip = 0.5}}).apply(update, kLayout, {});
  EXPECT_NEAR(norm(std::span(update).first(4000)), 0.5, 1e-6);
  EXPECT_EQ(std::vector<float>(update.end() - 10, update.end()), statistics);
}

TEST(UpdateDefense, ErrorFeedbackCarriesOverWhatWasHeldBackOfEachSegment) {
  const UpdateLayout layout{.weights = 4, .alpha = 2, .buffers = 1};
  const UpdateDefense defense({.transforms = {Transform::top_k}, .top_k = {.share = 0.5, .error_feedback = true}});
  ASSERT_TRUE(defense.keeps_residual());
  std::vector<float> residual;
  std::vector<float> update{1, 2, 3, 4, 0.1f, 0.2f, 9};
  defense.apply(update, layout, {}, &residual);
  EXPECT_THAT(update, ElementsAre(0, 0, 3, 4, 0, 0.2f, 9));
  EXPECT_THAT(residual, ElementsAre(1, 2, 0, 0, 0.1f, 0));
  update = {0, 0, 0.5f, 0, 0, 0, 9};
  defense.apply(update, layout, {}, &residual);
  EXPECT_THAT(update, ElementsAre(1, 2, 0, 0, 0.1f, 0, 9));
  EXPECT_THAT(residual, ElementsAre(0, 0, 0.5f, 0, 0, 0));
  EXPECT_THROW(defense.apply(update, layout, {}), DataError);
  residual.resize(5);
  EXPECT_THROW(defense.apply(update, layout, {}, &residual), DataError);
}

TEST(UpdateDefense, RefusesValuesThatAreNotFinite) {
  for (const float bad : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
    std::vector<float> update{1, bad, 2};
    EXPECT_THROW(UpdateDefense({.transforms = {Transform::top_k}}).apply(update, {.alpha = 3}, {}), DataError);
  }
}

TEST(UpdateDefense, RefusesUpdatesOfAnotherSizeAndOptionsOutOfRange) {
  std::vector<float> update(5);
  EXPECT_THROW(UpdateDefense({.transforms = {Transform::quantise}}).apply(update, kLayout, {}), DataError);
  EXPECT_THROW(UpdateDefense(DefenseOptions{.transforms = {}, .quantise = {.bits = 1}}), ConfigError);
  EXPECT_THROW(UpdateDefense(DefenseOptions{.transforms = {}, .top_k = {.share = 0}}), ConfigError);
  EXPECT_THROW(UpdateDefense(DefenseOptions{.transforms = {}, .clip_noise = {.clip = 0}}), ConfigError);
  EXPECT_THROW(UpdateDefense(DefenseOptions{}, -1), ConfigError);
}

DefenseOptions parse(const std::string& text) {
  Config config = Config::parse(text, "test");
  DefenseOptions options;
  describe(config.section("defense"), options);
  config.reject_unknown();
  return options;
}

std::string error_of(const std::string& text) {
  try {
    parse(text);
  } catch (const ConfigError& error) {
    return error.what();
  }
  return "no error";
}

TEST(DefenseOptions, AreReadInTheOrderOfTheTransforms) {
  const auto options = parse(
      "[defense]\ntransforms = [\"top_k\", \"noise\"]\n[defense.noise]\nunit = \"std\"\namount = 0.5\n"
      "[defense.top_k]\nshare = 0.01\nerror_feedback = true\n");
  EXPECT_THAT(options.transforms, ElementsAre(Transform::top_k, Transform::noise));
  EXPECT_EQ(options.noise.unit, NoiseOptions::Unit::std);
  EXPECT_EQ(options.top_k.share, 0.01);
  EXPECT_TRUE(parse("").transforms.empty());
  EXPECT_EQ(describe_in_words(options).size(), 2u);
}

TEST(DefenseOptions, SayWhatIsWrong) {
  EXPECT_THAT(error_of("[defense]\ntransforms = [\"quantize\"]\n"), HasSubstr("the nearest is \"quantise\""));
  EXPECT_THAT(error_of("[defense]\ntransforms = [\"noise\", \"noise\"]\n"), HasSubstr("got \"noise\" twice"));
  EXPECT_THAT(error_of("[defense.quantise]\nbits = 1\n"), HasSubstr("bits"));
  EXPECT_THAT(error_of("[defense.top_k]\nshare = 0.0\n"), HasSubstr("share"));
}

}  // namespace
}  // namespace archleak::defenses
