#include "client/search_workload.h"

#include <gtest/gtest.h>

#include <cmath>

#include "tests/client/search_bench.h"

namespace archleak::client {
namespace {

using test::any_differs, test::SearchBench;

TEST(SearchWorkload, MovesWeightsAlphaAndStatistics) {
  const SearchBench bench;
  const auto update = bench.train({.round = 0, .client = 0});
  const auto& layout = bench.layout;
  EXPECT_TRUE(any_differs(update, bench.initial, 0, layout.weights));
  EXPECT_TRUE(any_differs(update, bench.initial, layout.weights, layout.alpha));
  EXPECT_TRUE(any_differs(update, bench.initial, layout.weights + layout.alpha, layout.buffers));
}

TEST(SearchWorkload, WhatAClientSendsDoesNotDependOnWhoTrainedBefore) {
  const SearchBench bench;
  const auto expected = bench.train({.round = 1, .client = 1});
  const auto workload = bench.make();
  bench.train(*workload, {.round = 1, .client = 0});
  workload->evaluate(0, 20, {});
  EXPECT_EQ(bench.train(*workload, {.round = 1, .client = 1}), expected);
}

TEST(SearchWorkload, DeltaIsWeightsMinusTheGlobalModel) {
  SearchBench bench;
  const auto values = bench.train({.round = 0, .client = 0});
  bench.run.protocol.protocol = Protocol::delta;
  const auto delta = bench.train({.round = 0, .client = 0});
  const int64_t trained = bench.layout.weights + bench.layout.alpha;
  for (int64_t i = 0; i < trained; ++i) ASSERT_EQ(delta[i], values[i] - bench.initial[i]) << i;
  for (int64_t i = trained; i < bench.layout.size(); ++i) ASSERT_EQ(delta[i], values[i]) << i;
}

TEST(SearchWorkload, GradientClippingBoundsTheWeightsGradientAndLeavesAlphaAlone) {
  SearchBench bench;
  bench.run.protocol.protocol = Protocol::gradient;
  bench.training.clip_norm = 0;
  const auto free = bench.train({.round = 0, .client = 0});
  bench.training.clip_norm = 0.01;
  const auto clipped = bench.train({.round = 0, .client = 0});
  const auto norm = [&](const std::vector<float>& update) {
    double sum = 0;
    for (int64_t i = 0; i < bench.layout.weights; ++i) sum += update[i] * update[i];
    return std::sqrt(sum);
  };
  EXPECT_GT(norm(free), 0.02);
  EXPECT_NEAR(norm(clipped), 0.01, 1e-5);
  EXPECT_FALSE(any_differs(free, clipped, bench.layout.weights, bench.layout.alpha));
}

TEST(SearchWorkload, WithheldWeightsLeaveAlphaGradientsAlone) {
  SearchBench bench;
  bench.run.protocol = {.protocol = Protocol::gradient, .withhold_weights = true};
  const auto update = bench.train({.round = 0, .client = 0});
  EXPECT_EQ(static_cast<int64_t>(update.size()), bench.layout.alpha);
  EXPECT_TRUE(std::any_of(update.begin(), update.end(), [](float value) { return value != 0; }));
}

TEST(SearchWorkload, WarmUpRoundsLeaveAlphaAsItIs) {
  SearchBench bench;
  bench.search.warmup_rounds = 2;
  EXPECT_FALSE(
      any_differs(bench.train({.round = 1, .client = 0}), bench.initial, bench.layout.weights, bench.layout.alpha));
  EXPECT_TRUE(
      any_differs(bench.train({.round = 2, .client = 0}), bench.initial, bench.layout.weights, bench.layout.alpha));
}

TEST(SearchWorkload, NeverSeesTestData) {
  SearchBench bench;
  const auto expected = bench.train({.round = 0, .client = 0});
  std::fill(bench.data->splits.test.pixels.begin(), bench.data->splits.test.pixels.end(), uint8_t{255});
  std::fill(bench.data->splits.test.labels.begin(), bench.data->splits.test.labels.end(), 0);
  EXPECT_EQ(bench.train({.round = 0, .client = 0}), expected);
}

TEST(SearchWorkload, TheValidationBatchMattersForAlphaAndChangesFromRoundToRound) {
  SearchBench bench;
  bench.run.protocol = {.protocol = Protocol::gradient, .withhold_weights = true};
  EXPECT_NE(bench.train({.round = 0, .client = 0}), bench.train({.round = 1, .client = 0}));
}

TEST(SearchWorkload, CarriesItsOptimizersAndLocalStatisticsFromRoundToRound) {
  SearchBench bench;
  bench.training.carry_optimizer = true;
  bench.run.protocol.batch_norm = BatchNormPolicy::local;
  const auto workload = bench.make();
  bench.initial.resize(bench.layout.weights + bench.layout.alpha);  // statistics are not on the wire
  ClientOutcome first;
  bench.train(*workload, {.round = 0, .client = 0}, &first);
  EXPECT_FALSE(first.state.empty());
  const auto carried = bench.train(*workload, {.round = 1, .client = 0, .instruction = {}, .state = first.state});
  EXPECT_NE(carried, bench.train(*workload, {.round = 1, .client = 0}));
}

TEST(SearchWorkload, FedProxPullsTowardsTheGlobalModel) {
  SearchBench bench;
  bench.training.max_steps = 4;
  const auto distance = [&] {
    const auto update = bench.train({.round = 0, .client = 0});
    double sum = 0;
    for (int64_t i = 0; i < bench.layout.weights; ++i) sum += std::pow(update[i] - bench.initial[i], 2);
    return sum;
  };
  const double free = distance();
  bench.training.fedprox_mu = 20;
  EXPECT_LT(distance(), free);
}

defenses::UpdateDefense noise_on_alpha() {
  return defenses::UpdateDefense({.transforms = {defenses::Transform::noise}});
}

TEST(SearchWorkload, ADefenceChangesWhatItIsOnAndNothingElse) {
  SearchBench bench;
  for (const Protocol protocol : {Protocol::gradient, Protocol::delta, Protocol::weights}) {
    bench.run.protocol.protocol = protocol;
    bench.run.defense = {};
    const auto plain = bench.train({.round = 0, .client = 0});
    bench.run.defense = noise_on_alpha();
    const auto noisy = bench.train({.round = 0, .client = 0});
    EXPECT_FALSE(any_differs(plain, noisy, bench.layout.weights + bench.layout.alpha, bench.layout.buffers));
    double square = 0;
    for (int64_t i = bench.layout.weights; i < bench.layout.weights + bench.layout.alpha; ++i) {
      square += std::pow(noisy[i] - plain[i], 2);
    }
    EXPECT_NEAR(std::sqrt(square / static_cast<double>(bench.layout.alpha)), 0.1, 0.03);
    // Values go out as the global model plus a difference, which rounds.
    for (int64_t i = 0; i < bench.layout.weights; ++i) ASSERT_NEAR(noisy[i], plain[i], 1e-6);
  }
}

TEST(SearchWorkload, WhereValuesAreSentADefenceIsOnTheirDifferenceToTheGlobalModel) {
  SearchBench bench;
  bench.run.defense =
      defenses::UpdateDefense({.transforms = {defenses::Transform::clip_noise}, .clip_noise = {.clip = 0.01}});
  const auto values = bench.train({.round = 0, .client = 0});
  double square = 0;
  for (int64_t i = 0; i < bench.layout.weights + bench.layout.alpha; ++i) {
    square += std::pow(static_cast<double>(values[i]) - bench.initial[i], 2);
  }
  EXPECT_NEAR(std::sqrt(square), 0.01, 1e-5);
}

TEST(SearchWorkload, ErrorFeedbackComesBackWithTheClientsState) {
  SearchBench bench;
  bench.run.protocol.protocol = Protocol::delta;
  bench.run.defense = defenses::UpdateDefense(
      {.transforms = {defenses::Transform::top_k}, .top_k = {.share = 0.1, .error_feedback = true}});
  const auto workload = bench.make();
  ClientOutcome first;
  const auto sent = bench.train(*workload, {.round = 0, .client = 0}, &first);
  const auto zeros = std::count(sent.begin(), sent.begin() + bench.layout.weights, 0.0f);
  EXPECT_GE(zeros, bench.layout.weights * 9 / 10 - 1);
  const ClientTask with{.round = 1, .client = 0, .instruction = {}, .state = first.state};
  EXPECT_NE(bench.train(*workload, with), bench.train(*workload, {.round = 1, .client = 0}));
}

TEST(SearchWorkload, ACancelledTaskStops) {
  const SearchBench bench;
  const std::atomic<bool> cancelled{true};
  ClientTask task{.round = 0, .client = 0, .instruction = {}, .state = {}, .cancelled = &cancelled};
  EXPECT_THROW(bench.train(task), Cancelled);
}

TEST(SearchWorkload, EvaluationCountsEveryTestExampleOnce) {
  const SearchBench bench;
  const auto workload = bench.make();
  workload->load(bench.message());
  const Evaluation whole = workload->evaluate(0, 20, {});
  const Evaluation first = workload->evaluate(0, 7, {});
  const Evaluation second = workload->evaluate(7, 20, {});
  EXPECT_EQ(whole.examples, 20);
  EXPECT_EQ(first.correct + second.correct, whole.correct);
  EXPECT_NEAR(first.loss_sum + second.loss_sum, whole.loss_sum, 1e-6 * whole.loss_sum);
}

}  // namespace
}  // namespace archleak::client
