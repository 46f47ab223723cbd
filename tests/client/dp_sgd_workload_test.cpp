// Both workloads under DP-SGD, and with noise on their inputs.
#include <gtest/gtest.h>

#include "client/search_workload.h"
#include "client/train_workload.h"
#include "core/torch_random.h"
#include "data/digits.h"
#include "data/synthetic.h"
#include "models/registry.h"
#include "nas/dag_network.h"

namespace archleak::client {
namespace {

/// Two clients with forty digits each, and a small network that has no batch normalisation.
struct Bench {
  RunSettings run{.seed = 3, .rounds = 4, .protocol = {.protocol = Protocol::gradient}};
  LocalTrainingOptions training{.max_steps = 2, .batch_size = 8, .clip_norm = 0};
  LocalSearchOptions search{.alpha_lr = 0.01};
  std::shared_ptr<TrainingData> data = std::make_shared<TrainingData>();
  bool searches = true;

  explicit Bench(bool searches) : searches(searches) {
    torch::set_num_threads(1);
    data->splits = data::draw_splits(data::digits(), 1, 80, 20);
    for (int64_t client = 0; client < 2; ++client) {
      std::vector<int64_t> indices;
      for (int64_t i = 0; i < 40; ++i) indices.push_back(client * 40 + i);
      data->partition.push_back(indices);
    }
  }

  void use_dp_sgd(defenses::GaussianMechanism weights, defenses::GaussianMechanism alpha = {}) {
    run.dp_sgd = std::make_shared<const defenses::DpSgdPlan>(defenses::DpSgdPlan{.weights = weights, .alpha = alpha});
  }

  std::unique_ptr<ModelWorkload> make() const {
    const auto shape = data->splits.train.shape;
    const at::Generator init = make_torch_generator({.seed = 1});
    if (!searches) {
      const auto network = models::make_network("cnn", shape, 10, init);
      return adopt(network, Arena::adopt(*network), [&](Arena arena) {
        return std::make_unique<TrainWorkload>(network, std::move(arena), data, run, training);
      });
    }
    const auto network = nas::make_dag_network({.cells = 4, .channels = 2}, shape, 10, init);
    return adopt(network, Arena::adopt(*network, [&](const auto& name) { return network->is_alpha(name); }),
                 [&](Arena arena) {
                   return std::make_unique<SearchWorkload>(network, std::move(arena), data, run, training, search,
                                                           nas::ArchitectOptions{});
                 });
  }

  template <typename Network, typename Make>
  std::unique_ptr<ModelWorkload> adopt(const Network&, Arena arena, Make make) const {
    layout = arena.layout();
    initial.assign(arena.floats().begin(), arena.floats().end());
    return make(std::move(arena));
  }

  std::vector<float> train(ModelWorkload& workload, const ClientTask& task, ClientOutcome* outcome = nullptr) const {
    workload.load(initial);
    std::vector<float> update(workload.update_size());
    const ClientOutcome result = workload.train(task, update);
    if (outcome) *outcome = result;
    return update;
  }

  std::vector<float> train(const ClientTask& task = {}, ClientOutcome* outcome = nullptr) const {
    const auto workload = make();
    return train(*workload, task, outcome);
  }

  mutable ArenaLayout layout;
  mutable std::vector<float> initial;
};

double norm(const std::vector<float>& values, int64_t begin, int64_t size) {
  double square = 0;
  for (int64_t i = begin; i < begin + size; ++i) square += static_cast<double>(values[i]) * values[i];
  return std::sqrt(square);
}

constexpr defenses::GaussianMechanism kPlain{.clip = 1e6, .noise_multiplier = 0};

class DpSgdWorkload : public testing::TestWithParam<bool> {};

TEST_P(DpSgdWorkload, WhatAClientSendsDependsOnItsTaskAlone) {
  Bench bench(GetParam());
  bench.run.protocol.protocol = Protocol::weights;
  bench.use_dp_sgd({.clip = 0.5, .noise_multiplier = 1});
  const auto expected = bench.train({.round = 1, .client = 1});
  const auto workload = bench.make();
  bench.train(*workload, {.round = 1, .client = 0});
  workload->evaluate(0, 20, {});
  EXPECT_EQ(bench.train(*workload, {.round = 1, .client = 1}), expected);
}

TEST_P(DpSgdWorkload, ABatchHasNoMoreInfluenceThanItsExamplesClips) {
  Bench bench(GetParam());
  constexpr double kClip = 1e-3;
  bench.use_dp_sgd({.clip = kClip, .noise_multiplier = 0}, {.clip = kClip / 10, .noise_multiplier = 0});
  const auto update = bench.train();
  // Twice the expected batch is hardly ever drawn.
  EXPECT_GT(norm(update, 0, bench.layout.weights), 0);
  EXPECT_LE(norm(update, 0, bench.layout.weights), 2 * kClip);
  EXPECT_LE(norm(update, bench.layout.weights, bench.layout.alpha), 2 * kClip / 10);
}

TEST_P(DpSgdWorkload, NoiseHasTheMechanismsSize) {
  Bench bench(GetParam());
  bench.use_dp_sgd({.clip = 1e-6, .noise_multiplier = 3e6}, {.clip = 1e-6, .noise_multiplier = 5e6});
  const auto update = bench.train();
  const auto deviation = [&](int64_t begin, int64_t size) {
    return norm(update, begin, size) / std::sqrt(static_cast<double>(size));
  };
  EXPECT_NEAR(deviation(0, bench.layout.weights), 3.0 / 8, 0.1 * 3 / 8);
  if (!bench.searches) return;
  EXPECT_NEAR(deviation(bench.layout.weights, bench.layout.alpha), 5.0 / 8, 0.4 * 5 / 8);
}

TEST_P(DpSgdWorkload, DoesNotClipWhatWasClippedAgain) {
  Bench bench(GetParam());
  bench.use_dp_sgd(kPlain, kPlain);
  const auto expected = bench.train();
  bench.training.clip_norm = 1e-9;
  EXPECT_EQ(bench.train(), expected);
}

TEST_P(DpSgdWorkload, ReportsLossesEvenWhereABatchIsEmpty) {
  Bench bench(GetParam());
  bench.training.batch_size = 1;
  bench.use_dp_sgd({.clip = 1, .noise_multiplier = 0}, {.clip = 1, .noise_multiplier = 0});
  int empty = 0;
  for (int64_t round = 0; round < 10; ++round) {
    ClientOutcome outcome;
    const auto update = bench.train({.round = round, .client = 0}, &outcome);
    const double loss = outcome.figures.at(1).value;
    EXPECT_EQ(outcome.figures.at(1).name, "train_loss");
    EXPECT_TRUE(std::isfinite(loss));
    EXPECT_EQ(loss == 0, norm(update, 0, bench.layout.weights) == 0);
    empty += loss == 0 ? 1 : 0;
  }
  EXPECT_GT(empty, 0) << "some batch must be empty for this to test anything";
  EXPECT_LT(empty, 10);
}

TEST_P(DpSgdWorkload, InputNoiseIsDrawnByKeyAndInTrainingAlone) {
  Bench bench(GetParam());
  const auto clean = bench.train();
  bench.run.input_noise = 0.1;
  const auto noisy = bench.train();
  EXPECT_NE(noisy, clean);
  EXPECT_EQ(bench.train(), noisy);
  const auto workload = bench.make();
  workload->load(bench.initial);
  const double loss = workload->evaluate(0, 20, {}).loss_sum;
  bench.run.input_noise = 0;
  const auto plain = bench.make();
  plain->load(bench.initial);
  EXPECT_EQ(plain->evaluate(0, 20, {}).loss_sum, loss);
}

INSTANTIATE_TEST_SUITE_P(Every, DpSgdWorkload, testing::Bool(),
                         [](const auto& info) { return info.param ? "Search" : "Train"; });

TEST(SearchWorkload, AlphaL2AddsItsOwnGradientToAlphaAlone) {
  for (const bool dp_sgd : {false, true}) {
    Bench bench(true);
    if (dp_sgd) bench.use_dp_sgd(kPlain, kPlain);
    const auto without = bench.train();
    bench.search.alpha_l2 = 0.25;
    const auto with = bench.train();
    for (int64_t i = 0; i < bench.layout.weights; ++i) ASSERT_EQ(with[i], without[i]);
    for (int64_t i = bench.layout.weights; i < bench.layout.weights + bench.layout.alpha; ++i) {
      EXPECT_NEAR(with[i] - without[i], 2 * 0.25 * bench.initial[i], 1e-5);
    }
  }
}

}  // namespace
}  // namespace archleak::client
