#include "core/random.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>
#include <set>

namespace archleak {
namespace {

using testing::ElementsAre;

// The golden values follow from SHA-256 over (seed, round, client, index) in little-endian and the purpose, its first
// eight bytes seeding the Mersenne twister; computed in Python with hashlib and a twister written from its definition.
// A change here changes every result ever published.
constexpr StreamKey kKey{.seed = 42, .round = 3, .client = 7, .purpose = "batch order", .index = 2};

TEST(Random, TheSeedOfAStreamIsGolden) {
  EXPECT_EQ(derive_seed({}), 12131875414160137371u);
  EXPECT_EQ(derive_seed(kKey), 7198464513878914575u);
}

TEST(Random, TheFirstDrawsOfAStreamAreGolden) {
  RandomEngine engine = make_engine(kKey);
  EXPECT_EQ(engine(), 4907522109067567867u);
  EXPECT_EQ(engine(), 13384391512825235877u);
  EXPECT_EQ(engine(), 1292383644970123461u);
}

TEST(Random, ThePermutationOfAStreamIsGolden) {
  RandomEngine engine = make_engine(kKey);
  EXPECT_THAT(random_permutation(8, engine), ElementsAre(1, 4, 5, 0, 6, 7, 2, 3));
}

TEST(Random, TheUniformNumbersOfAStreamAreGolden) {
  RandomEngine engine = make_engine(kKey);
  EXPECT_EQ(uniform(engine), 0.26603730660858504);
  EXPECT_EQ(uniform(engine), 0.7255693177800834);
}

TEST(Random, EveryPartOfTheKeyGivesAnotherStream) {
  std::set<uint64_t> seeds{derive_seed(kKey)};
  StreamKey key = kKey;
  key.seed = 43;
  seeds.insert(derive_seed(key));
  key = kKey;
  key.round = 4;
  seeds.insert(derive_seed(key));
  key = kKey;
  key.client = -1;
  seeds.insert(derive_seed(key));
  key = kKey;
  key.purpose = "batch orders";
  seeds.insert(derive_seed(key));
  key = kKey;
  key.index = 0;
  seeds.insert(derive_seed(key));
  key = kKey;
  std::swap(key.round, key.client);  // equal numbers in other places
  seeds.insert(derive_seed(key));
  EXPECT_EQ(seeds.size(), 7u);
}

TEST(Random, NeighbouringStreamsAreUncorrelated) {
  constexpr int kDraws = 10000;
  RandomEngine a = make_engine({.seed = 1, .client = 0, .purpose = "test"});
  RandomEngine b = make_engine({.seed = 1, .client = 1, .purpose = "test"});
  double product = 0;
  for (int i = 0; i < kDraws; ++i) product += (uniform(a) - 0.5) * (uniform(b) - 0.5);
  // The mean of the products has standard deviation 1 / (12 sqrt(draws)).
  EXPECT_LT(std::abs(product / kDraws) * 12 * std::sqrt(kDraws), 4.0);
}

TEST(Random, UniformStaysBelowOne) {
  RandomEngine engine = make_engine(kKey);
  for (int i = 0; i < 100000; ++i) {
    const double value = uniform(engine);
    ASSERT_TRUE(value >= 0 && value < 1);
  }
}

TEST(Random, UniformIndexReachesEveryIndexEquallyOften) {
  RandomEngine engine = make_engine(kKey);
  std::array<int, 7> counts{};
  constexpr int kDraws = 70000;
  for (int i = 0; i < kDraws; ++i) {
    const int64_t index = uniform_index(7, engine);
    ASSERT_TRUE(index >= 0 && index < 7);
    ++counts[index];
  }
  double chi_square = 0;
  for (const int count : counts) chi_square += std::pow(count - kDraws / 7.0, 2) / (kDraws / 7.0);
  EXPECT_LT(chi_square, 22.5);  // 99.9 % quantile with six degrees of freedom
}

TEST(Random, UniformIndexHasNoModuloBiasForHugeBounds) {
  // 2^64 is 8/3 of 3 * 2^61: a plain modulo would give an index below 2^61 in 3/8 of the draws.
  constexpr int64_t kThird = int64_t{1} << 61;
  RandomEngine engine = make_engine(kKey);
  constexpr int kDraws = 30000;
  int low = 0;
  for (int i = 0; i < kDraws; ++i) low += uniform_index(3 * kThird, engine) < kThird;
  EXPECT_NEAR(static_cast<double>(low) / kDraws, 1.0 / 3, 0.015);
}

TEST(Random, AnIndexAmongOneIsZero) {
  RandomEngine engine = make_engine(kKey);
  EXPECT_EQ(uniform_index(1, engine), 0);
}

TEST(Random, APermutationHoldsEveryIndexOnce) {
  RandomEngine engine = make_engine(kKey);
  auto order = random_permutation(1000, engine);
  std::vector<int64_t> sorted(1000);
  std::iota(sorted.begin(), sorted.end(), 0);
  EXPECT_NE(order, sorted);
  std::sort(order.begin(), order.end());
  EXPECT_EQ(order, sorted);
  EXPECT_TRUE(random_permutation(0, engine).empty());
}

}  // namespace
}  // namespace archleak
