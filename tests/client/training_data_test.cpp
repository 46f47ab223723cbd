#include "client/training_data.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "core/error.h"

namespace archleak::client {
namespace {

std::vector<int64_t> range(int64_t n) {
  std::vector<int64_t> values(n);
  for (int64_t i = 0; i < n; ++i) values[i] = 100 + i;
  return values;
}

TEST(SplitLocally, PartsAreDisjointAndCoverEveryExample) {
  for (const int64_t count : {2, 3, 10, 101}) {
    const auto indices = range(count);
    const LocalSplit split = split_locally(indices, 0.5, 1, 4);
    std::vector<int64_t> all = split.train;
    all.insert(all.end(), split.valid.begin(), split.valid.end());
    EXPECT_THAT(all, testing::UnorderedElementsAreArray(indices));
    EXPECT_EQ(static_cast<int64_t>(split.valid.size()), std::max<int64_t>(1, count / 2));
  }
}

TEST(SplitLocally, IsTheSameForTheSameClientAndAnotherForAnother) {
  const auto indices = range(50);
  EXPECT_EQ(split_locally(indices, 0.5, 1, 4).train, split_locally(indices, 0.5, 1, 4).train);
  EXPECT_NE(split_locally(indices, 0.5, 1, 4).train, split_locally(indices, 0.5, 1, 5).train);
}

TEST(SplitLocally, RefusesAClientWithTooFewExamples) {
  EXPECT_THROW(split_locally(range(1), 0.5, 1, 0), DataError);
  EXPECT_THROW(split_locally({}, 0, 1, 0), DataError);
  EXPECT_EQ(split_locally(range(1), 0, 1, 0).train.size(), 1u);
}

/// Data of which client 4 has these examples.
TrainingData of_client_4(const std::vector<int64_t>& indices) {
  TrainingData data;
  data.partition.resize(6);
  data.partition[4] = indices;
  data.partition[5] = indices;
  return data;
}

TEST(SplitMembers, HoldsBackAShareAndKeepsTheOrderOfBothParts) {
  for (const auto& [count, reference] : {std::pair(2, 1), std::pair(3, 1), std::pair(10, 3), std::pair(101, 30)}) {
    const auto indices = range(count);
    const MemberSplit split = split_members(of_client_4(indices), 0.3, 1, 4);
    EXPECT_EQ(std::ssize(split.reference), reference);
    EXPECT_TRUE(std::ranges::is_sorted(split.members) && std::ranges::is_sorted(split.reference));
    std::vector<int64_t> all = split.members;
    all.insert(all.end(), split.reference.begin(), split.reference.end());
    EXPECT_THAT(all, testing::UnorderedElementsAreArray(indices));
  }
}

TEST(SplitMembers, IsTheSameForTheSameClientAndAnotherForAnother) {
  const auto data = of_client_4(range(50));
  EXPECT_EQ(split_members(data, 0.5, 1, 4).members, split_members(data, 0.5, 1, 4).members);
  EXPECT_NE(split_members(data, 0.5, 1, 4).members, split_members(data, 0.5, 1, 5).members);
  EXPECT_NE(split_members(data, 0.5, 1, 4).members, split_members(data, 0.5, 2, 4).members);
}

TEST(SplitMembers, TakesTheReferenceThatTheDataGive) {
  auto data = of_client_4(range(5));
  data.reference.resize(6);
  data.reference[4] = {7, 3};
  EXPECT_EQ(split_members(data, 0.5, 1, 4).members, range(5));
  EXPECT_EQ(split_members(data, 0.5, 1, 4).reference, (std::vector<int64_t>{7, 3}));
  EXPECT_THROW(split_members(data, 0.5, 1, 5), DataError) << "it was given none";
}

TEST(SplitMembers, WithoutAShareAllAreMembersAndBothPartsNeedAnExample) {
  EXPECT_EQ(split_members(of_client_4(range(5)), 0, 1, 4).members, range(5));
  EXPECT_THROW(split_members(of_client_4(range(1)), 0.1, 1, 4), DataError);
  EXPECT_THROW(split_members(of_client_4({}), 0.1, 1, 4), DataError);
}

TEST(BatchOrder, EveryPassVisitsEveryExampleOnceInANewOrder) {
  const auto indices = range(30);
  BatchOrder order(indices, 8, {.seed = 3, .purpose = "test"});
  EXPECT_EQ(order.batches(), 4);
  std::vector<std::vector<int64_t>> passes(2);
  for (auto& pass : passes) {
    for (int64_t i = 0; i < order.batches(); ++i) {
      const auto batch = order.next();
      pass.insert(pass.end(), batch.begin(), batch.end());
    }
    EXPECT_THAT(pass, testing::UnorderedElementsAreArray(indices));
  }
  EXPECT_NE(passes[0], passes[1]);
}

TEST(BatchOrder, TheBatchChangesFromStepToStep) {
  BatchOrder order(range(64), 16, {.seed = 3, .purpose = "test"});
  std::set<std::vector<int64_t>> batches;
  for (int step = 0; step < 12; ++step) {
    const auto batch = order.next();
    batches.emplace(batch.begin(), batch.end());
  }
  EXPECT_EQ(batches.size(), 12u);
}

TEST(BatchOrder, SkipsASingleExampleLeftOverUnlessItIsAllThereIs) {
  BatchOrder order(range(9), 4, {.seed = 3, .purpose = "test"});
  EXPECT_EQ(order.batches(), 2);
  for (int step = 0; step < 10; ++step) EXPECT_EQ(order.next().size(), 4u);
  BatchOrder lonely(range(1), 4, {.seed = 3, .purpose = "test"});
  EXPECT_EQ(lonely.batches(), 1);
  EXPECT_EQ(lonely.next().size(), 1u);
}

TEST(PoissonBatches, DrawEachExampleAtItsRateAndIndependently) {
  const auto indices = range(200);
  PoissonBatches batches(indices, 30, {.seed = 3, .purpose = "test"});
  std::vector<double> drawn(200);
  double total = 0, square = 0;
  constexpr int kSteps = 4000;
  for (int step = 0; step < kSteps; ++step) {
    const auto batch = batches.next();
    EXPECT_TRUE(std::is_sorted(batch.begin(), batch.end()));
    for (const int64_t index : batch) ++drawn[index - 100];
    total += static_cast<double>(batch.size());
    square += std::pow(static_cast<double>(batch.size()) - 30, 2);
  }
  EXPECT_EQ(sampling_rate(200, 30), 0.15);
  EXPECT_NEAR(total / kSteps, 30, 4 * std::sqrt(200 * 0.15 * 0.85 / kSteps));
  EXPECT_NEAR(square / kSteps, 200 * 0.15 * 0.85, 0.1 * 200 * 0.15 * 0.85) << "the size varies as a binomial does";
  for (const double count : drawn) EXPECT_NEAR(count / kSteps, 0.15, 5 * std::sqrt(0.15 * 0.85 / kSteps));
}

TEST(PoissonBatches, AreTheSameForTheSameKeyAndOthersForAnother) {
  const auto indices = range(50);
  const auto first = [&](uint64_t seed) {
    PoissonBatches batches(indices, 10, {.seed = seed, .purpose = "test"});
    const auto batch = batches.next();
    return std::vector<int64_t>(batch.begin(), batch.end());
  };
  EXPECT_EQ(first(1), first(1));
  EXPECT_NE(first(1), first(2));
}

TEST(PoissonBatches, MayBeEmptyAndHoldAllOfAPartThatIsSmallerThanABatch) {
  PoissonBatches rare(range(3), 1, {.purpose = "test"});
  int empty = 0;
  for (int step = 0; step < 100; ++step) empty += rare.next().empty() ? 1 : 0;
  EXPECT_GT(empty, 10);
  PoissonBatches all(range(3), 8, {.purpose = "test"});
  EXPECT_EQ(all.next().size(), 3u);
}

}  // namespace
}  // namespace archleak::client
