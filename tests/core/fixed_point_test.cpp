#include "core/fixed_point.h"

#include <gmock/gmock.h>

#include <cmath>
#include <limits>

#include "core/error.h"
#include "core/random.h"

namespace archleak {
namespace {

using testing::ElementsAre;
using testing::ElementsAreArray;
using testing::HasSubstr;

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

struct Weighted {
  std::vector<float> values;
  int64_t weight;
};

std::vector<Weighted> random_updates(size_t count, size_t size, uint64_t seed) {
  RandomEngine engine = make_engine({.seed = seed, .purpose = "fixed point test"});
  std::vector<Weighted> updates(count);
  for (auto& update : updates) {
    update.weight = uniform_index(500, engine);
    for (size_t i = 0; i < size; ++i) {
      const double magnitude = std::ldexp(1.0, static_cast<int>(uniform_index(30, engine)) - 20);
      update.values.push_back(static_cast<float>((2 * uniform(engine) - 1) * magnitude));
    }
  }
  return updates;
}

FixedPointSum sum_of(const std::vector<Weighted>& updates, std::span<const int64_t> order) {
  FixedPointSum sum(updates[0].values.size(), 32);
  for (const int64_t i : order) sum.add(updates[i].values, updates[i].weight);
  return sum;
}

std::string error_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

TEST(FixedPointSum, AnyOrderAndGroupingGivesTheSameBits) {
  for (uint64_t seed = 0; seed < 20; ++seed) {
    const auto updates = random_updates(13, 37, seed);
    RandomEngine engine = make_engine({.seed = seed, .purpose = "grouping"});
    const auto reference = sum_of(updates, random_permutation(13, engine));
    const auto order = random_permutation(13, engine);
    FixedPointSum grouped(37, 32);
    for (size_t first = 0; first < order.size();) {  // random groups; every other one through raw integers
      const size_t count = std::min<size_t>(1 + uniform_index(4, engine), order.size() - first);
      const auto part = sum_of(updates, std::span(order).subspan(first, count));
      if (first % 2 == 0) {
        grouped.add(part);
      } else {
        grouped.add(part.sums(), part.weight(), part.bound());
      }
      first += count;
    }
    ASSERT_THAT(grouped.sums(), ElementsAreArray(reference.sums()));
    EXPECT_EQ(grouped.weight(), reference.weight());
    EXPECT_EQ(grouped.bound(), reference.bound());
    EXPECT_EQ(grouped.mean(), reference.mean());
  }
}

TEST(FixedPointSum, TheMeanIsTheWeightedMeanToTheScale) {
  const auto updates = random_updates(9, 50, 1);
  FixedPointSum sum(50, 32);
  for (const auto& update : updates) sum.add(update.values, update.weight);
  const auto mean = sum.mean();
  for (size_t i = 0; i < mean.size(); ++i) {
    double numerator = 0, denominator = 0;
    for (const auto& update : updates) {
      numerator += static_cast<double>(update.weight) * update.values[i];
      denominator += static_cast<double>(update.weight);
    }
    EXPECT_NEAR(mean[i], numerator / denominator, std::ldexp(1.0, -33) + std::abs(mean[i]) * 1e-7);
  }
}

TEST(FixedPointSum, HalvesRoundToEven) {
  FixedPointSum sum(3, 8);
  sum.add(std::vector<float>{0.5f / 256, 1.5f / 256, -0.5f / 256}, 1);
  EXPECT_THAT(sum.sums(), ElementsAre(0, 2, 0));
}

TEST(FixedPointSum, ValuesThatAreNotFiniteAreRefusedAndLeaveTheSumAsItWas) {
  for (const float bad : {kNan, -kNan, kInfinity, -kInfinity}) {
    FixedPointSum sum(2, 32);
    sum.add(std::vector<float>{1, 2}, 3);
    EXPECT_THAT(error_of([&] { sum.add(std::vector<float>{1, bad}, 1); }), HasSubstr("expected finite values"));
    EXPECT_THAT(sum.mean(), ElementsAre(1, 2));
    EXPECT_EQ(sum.weight(), 3);
  }
}

TEST(FixedPointSum, OverflowIsAnErrorAndLeavesTheSumAsItWas) {
  FixedPointSum sum(2, 52);
  sum.add(std::vector<float>{1000, -1000}, 1);
  EXPECT_THAT(error_of([&] { sum.add(std::vector<float>{1100, 0}, 1); }), HasSubstr("overflow"));
  EXPECT_THAT(error_of([&] { sum.add(std::vector<float>{1, 0}, 1 << 20); }), HasSubstr("overflow"));
  EXPECT_THAT(error_of([&] { sum.add(std::vector<float>{3e38f, 0}, 1); }), HasSubstr("overflow"));
  EXPECT_THAT(sum.mean(), ElementsAre(1000, -1000));
}

TEST(FixedPointSum, OverflowDoesNotDependOnTheOrderOrOnCancellation) {
  // 1500 and -1500 cancel, but with a third 1500 another order would pass 2^63: what is taken must not depend on that.
  const std::vector<float> up{750}, down{-750};
  FixedPointSum sum(1, 52);
  sum.add(up, 2);
  EXPECT_THAT(error_of([&] { sum.add(down, 2); }), HasSubstr("overflow"));
}

TEST(FixedPointSum, WeightsThatOverflowAreAnError) {
  FixedPointSum sum(1, 32);
  constexpr int64_t kHuge = std::numeric_limits<int64_t>::max();
  sum.add(std::vector<float>{0}, kHuge);  // a zero adds no magnitude
  EXPECT_THAT(error_of([&] { sum.add(std::vector<float>{0}, 1); }), HasSubstr("expected weights that add up"));
  EXPECT_EQ(sum.weight(), kHuge);
  EXPECT_THAT(error_of([&] { sum.add(std::vector<float>{1}, -1); }), HasSubstr("expected a weight of at least 0"));
}

TEST(FixedPointSum, PartialSumsThatLieAboutTheirBoundAreRefused) {
  FixedPointSum sum(2, 32);
  sum.add(std::vector<float>{1, 2}, 1);
  const auto before = std::vector<int64_t>(sum.sums().begin(), sum.sums().end());
  const auto add = [&](std::vector<int64_t> sums, int64_t weight, int64_t bound) {
    return error_of([&] { sum.add(sums, weight, bound); });
  };
  EXPECT_THAT(add({5, 6}, 1, 5), HasSubstr("expected elements within 5, got 6"));
  EXPECT_THAT(add({std::numeric_limits<int64_t>::min(), 0}, 1, std::numeric_limits<int64_t>::max() / 2),
              HasSubstr("expected elements within"));
  EXPECT_THAT(add({0, 0}, 1, -1), HasSubstr("overflow"));
  EXPECT_THAT(add({0, 0}, 1, std::numeric_limits<int64_t>::max()), HasSubstr("overflow"));
  EXPECT_THAT(add({0, 0}, -1, 0), HasSubstr("expected a weight of at least 0"));
  EXPECT_THAT(add({0}, 1, 0), HasSubstr("expected 2 values, got 1"));
  EXPECT_THAT(sum.sums(), ElementsAreArray(before));
}

TEST(FixedPointSum, ScalesAndSizesMustAgree) {
  EXPECT_THROW(FixedPointSum(1, 7), ConfigError);
  EXPECT_THROW(FixedPointSum(1, 53), ConfigError);
  FixedPointSum sum(1, 32);
  EXPECT_THAT(error_of([&] { sum.add(FixedPointSum(1, 31)); }), HasSubstr("expected scale 2^32, got 2^31"));
  EXPECT_THAT(error_of([&] { sum.add(std::vector<float>{1, 2}, 1); }), HasSubstr("expected 1 values, got 2"));
}

TEST(FixedPointSum, NothingHasNoMean) {
  FixedPointSum sum(1, 32);
  EXPECT_THROW(sum.mean(), DataError);
  sum.add(std::vector<float>{1}, 0);
  EXPECT_THROW(sum.mean(), DataError);
  sum.add(std::vector<float>{1}, 1);
  sum.reset();
  EXPECT_THROW(sum.mean(), DataError);
}

TEST(FixedPointSum, ARangeHasItsOwnDivisor) {
  FixedPointSum sum(3, 32);
  sum.add(std::vector<float>{1, 2, 4}, 6);
  std::vector<float> out(2);
  sum.mean(1, out, 3);
  EXPECT_THAT(out, ElementsAre(4, 8));
}

}  // namespace
}  // namespace archleak
