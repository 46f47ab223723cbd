#include "client/training_data.h"

#include <gmock/gmock.h>

#include <algorithm>
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

}  // namespace
}  // namespace archleak::client
