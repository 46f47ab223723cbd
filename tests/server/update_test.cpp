#include "server/update.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "core/error.h"
#include "core/torch_random.h"

namespace archleak::server {
namespace {

/// 7 weights, 3 alphas, 2 buffers.
struct Toy : torch::nn::Module {
  Toy() {
    weight = register_parameter("weight", draw(7, 0));
    alpha = register_parameter("alpha", draw(3, 1));
    mean = register_buffer("mean", draw(2, 2));
  }
  static torch::Tensor draw(int64_t size, int64_t index) {
    const auto generator = make_torch_generator({.purpose = "update test", .index = index});
    return torch::randn({size}, generator, torch::TensorOptions());
  }
  torch::Tensor weight, alpha, mean;
};

Arena make_arena() {
  Toy toy;
  return Arena::adopt(toy, [](const std::string& name) { return name == "alpha"; });
}

std::vector<float> some_mean(int64_t size) {
  const torch::Tensor values = Toy::draw(size, 3);
  return {values.data_ptr<float>(), values.data_ptr<float>() + size};
}

torch::Tensor as_tensor(const std::vector<float>& values) {
  return torch::tensor(values);
}

TEST(ServerUpdate, PlainSgdWithRateOneMakesTheModelTheMeanToTheBit) {
  Arena arena = make_arena();
  arena.values()[0] = 1e8f;  // x - (x - mean) would lose the mean here
  ServerUpdate update({}, {.protocol = Protocol::weights}, arena.layout());
  const auto mean = some_mean(12);
  update.apply(arena, mean);
  EXPECT_TRUE(arena.values().equal(as_tensor(mean)));
}

TEST(ServerUpdate, PlainSgdWithRateOneAddsTheMeanDifference) {
  Arena arena = make_arena();
  const torch::Tensor before = arena.values().clone();
  ServerUpdate update({}, {.protocol = Protocol::delta}, arena.layout());
  const auto mean = some_mean(12);
  update.apply(arena, mean);
  EXPECT_TRUE(arena.values().slice(0, 0, 10).equal((before + as_tensor(mean)).slice(0, 0, 10)));
  EXPECT_TRUE(arena.segment(Segment::buffers).equal(as_tensor(mean).slice(0, 10)))
      << "buffers are values, not differences";
}

TEST(ServerUpdate, GradientsStepEachSegmentWithItsOwnOptimizer) {
  Arena arena = make_arena();
  const torch::Tensor before = arena.values().clone();
  UpdateOptions options;
  options.weights = {.lr = 0.5};
  options.alpha = {.kind = OptimizerKind::adam, .lr = 0.01};
  ServerUpdate update(options, {.protocol = Protocol::gradient}, arena.layout());
  const auto mean = some_mean(12);
  update.apply(arena, mean);
  const torch::Tensor step = arena.values() - before;
  EXPECT_TRUE(torch::allclose(step.slice(0, 0, 7), -0.5 * as_tensor(mean).slice(0, 0, 7), 1e-5, 1e-6));
  // Adam's first step is lr against the gradient's sign.
  EXPECT_TRUE(torch::allclose(step.slice(0, 7, 10), -0.01 * torch::sign(as_tensor(mean).slice(0, 7, 10)), 1e-3, 1e-6));
}

TEST(ServerUpdate, TheThreeProtocolsAgreeOnTheSamePseudoGradient) {
  // A client that took one step x - g sends g, -g or x - g.
  const torch::Tensor g = Toy::draw(12, 4);
  for (const auto kind : {OptimizerKind::sgd, OptimizerKind::fed_adam, OptimizerKind::fed_yogi}) {
    UpdateOptions options;
    options.weights = options.alpha = {.kind = kind, .lr = 0.1, .momentum = 0.9, .epsilon = 1e-3};
    std::vector<torch::Tensor> results;
    for (const auto protocol : {Protocol::gradient, Protocol::delta, Protocol::weights}) {
      Arena arena = make_arena();
      ServerUpdate update(options, {.protocol = protocol, .batch_norm = BatchNormPolicy::local}, arena.layout());
      for (int i = 0; i < 3; ++i) {
        const torch::Tensor sent = protocol == Protocol::gradient ? g
                                   : protocol == Protocol::delta  ? -g
                                                                  : arena.values() - g;
        const torch::Tensor trained = sent.slice(0, 0, 10).contiguous();
        update.apply(arena, {trained.data_ptr<float>(), 10});
      }
      results.push_back(arena.values().clone());
    }
    EXPECT_TRUE(results[0].equal(results[1]));
    EXPECT_TRUE(torch::allclose(results[0], results[2], 1e-4, 1e-5));
  }
}

TEST(ServerUpdate, WhatIsNotSentStaysAsItIs) {
  Arena arena = make_arena();
  const torch::Tensor before = arena.values().clone();
  ServerUpdate server_alpha({}, {.protocol = Protocol::server_alpha}, arena.layout());
  EXPECT_EQ(server_alpha.layout().size(), 9);
  server_alpha.apply(arena, some_mean(9));
  EXPECT_TRUE(arena.segment(Segment::alpha).equal(before.slice(0, 7, 10)));
  EXPECT_FALSE(arena.segment(Segment::weights).equal(before.slice(0, 0, 7)));

  arena.values().copy_(before);
  ServerUpdate alpha_only({}, {.protocol = Protocol::gradient, .withhold_weights = true}, arena.layout());
  alpha_only.apply(arena, some_mean(3));
  EXPECT_TRUE(arena.segment(Segment::weights).equal(before.slice(0, 0, 7)));
  EXPECT_TRUE(arena.segment(Segment::buffers).equal(before.slice(0, 10)));
  EXPECT_TRUE(arena.segment(Segment::alpha).equal(before.slice(0, 7, 10) - as_tensor(some_mean(3))));
}

TEST(ServerUpdate, GivenRatesReplaceTheOptions) {
  Arena arena = make_arena();
  const torch::Tensor before = arena.values().clone();
  ServerUpdate update({}, {.protocol = Protocol::gradient}, arena.layout());
  const std::vector<float> ones(12, 1);
  update.apply(arena, ones, 0.25, 0.0);
  EXPECT_TRUE(arena.segment(Segment::weights).equal(before.slice(0, 0, 7) - 0.25));
  EXPECT_TRUE(arena.segment(Segment::alpha).equal(before.slice(0, 7, 10)));
}

TEST(ServerUpdate, AMeanThatDoesNotFitLeavesTheModelAsItWas) {
  Arena arena = make_arena();
  const torch::Tensor before = arena.values().clone();
  ServerUpdate update({}, {}, arena.layout());
  EXPECT_THROW(update.apply(arena, some_mean(11)), DataError);
  auto mean = some_mean(12);
  mean[11] = std::numeric_limits<float>::quiet_NaN();
  EXPECT_THROW(update.apply(arena, mean), DataError);
  EXPECT_TRUE(arena.values().equal(before));
}

TEST(ServerUpdate, AContinuationFromSavedStateIsBitwiseEqual) {
  UpdateOptions options;
  options.weights = {.kind = OptimizerKind::fed_adam, .lr = 0.01, .epsilon = 1e-3};
  options.alpha = {.lr = 0.5, .momentum = 0.9};
  Arena arena = make_arena();
  ServerUpdate whole(options, {.protocol = Protocol::delta}, arena.layout());
  whole.apply(arena, some_mean(12));
  ServerUpdate resumed(options, {.protocol = Protocol::delta}, arena.layout());
  const std::string state = whole.save();
  resumed.load(state);
  Arena copy = make_arena();
  copy.values().copy_(arena.values());
  whole.apply(arena, some_mean(12));
  resumed.apply(copy, some_mean(12));
  EXPECT_TRUE(copy.values().equal(arena.values()));
  EXPECT_EQ(resumed.save(), whole.save());
}

TEST(ServerUpdate, StateThatDoesNotFitChangesNothing) {
  const Arena arena = make_arena();
  UpdateOptions options;
  options.weights.momentum = options.alpha.momentum = 0.9;
  UpdateOptions other = options;
  other.alpha.kind = OptimizerKind::adam;
  Arena moved = make_arena();
  ServerUpdate source(other, {}, arena.layout());
  source.apply(moved, some_mean(12));
  ServerUpdate update(options, {}, arena.layout());
  const std::string before = update.save();
  EXPECT_THROW(update.load(source.save()), CheckpointError);  // the weights' part would fit
  for (size_t length = 0; length < before.size(); ++length) {
    EXPECT_THROW(update.load(before.substr(0, length)), CheckpointError);
  }
  EXPECT_EQ(update.save(), before);
}

TEST(ServerUpdate, TheDocumentSetsBothOptimizers) {
  Config config = Config::parse("[u.weights]\nlr = 0.5\n[u.alpha]\nkind = \"adam\"\n", "run.toml");
  UpdateOptions options;
  describe(config.section("u"), options);
  config.reject_unknown();
  EXPECT_EQ(options.weights.lr, 0.5);
  EXPECT_EQ(options.alpha.kind, OptimizerKind::adam);
  EXPECT_EQ(options.alpha.lr, 1);
}

}  // namespace
}  // namespace archleak::server
