#include "nas/architect.h"

#include <gtest/gtest.h>

#include <cmath>

#include "core/error.h"
#include "core/torch_random.h"

namespace archleak::nas {
namespace {

constexpr ExampleShape kShape{1, 12, 12};

class Architect : public testing::TestWithParam<ArchitectureOrder> {
 protected:
  Architect() {
    torch::set_num_threads(1);
    network_ = make_search_network({.channels = 4, .layers = 2, .steps = 2, .multiplier = 2}, kShape, 10,
                                   make_torch_generator({.seed = 1, .purpose = "weights"}));
    network_->to(torch::kFloat64);
    arena_ =
        std::make_unique<Arena>(Arena::adopt(*network_, [&](const auto& name) { return network_->is_alpha(name); }));
  }
  static Batch batch(int64_t index) {
    return {torch::randn({6, 1, 12, 12}, make_torch_generator({.seed = 3, .purpose = "images", .index = index}),
                         torch::kFloat64),
            torch::arange(6)};
  }
  torch::Tensor gradient(const ArchitectOptions& options, const UnrolledStep& step = {}) {
    architecture_gradient(*network_, *arena_, batch(0), batch(1), options, step);
    return arena_->gradient(Segment::alpha).clone();
  }
  std::shared_ptr<SearchNetwork> network_;
  std::unique_ptr<Arena> arena_;
};

double distance(const torch::Tensor& a, const torch::Tensor& b) {
  return ((a - b).norm() / b.norm()).item<double>();
}

TEST_P(Architect, AnArchitectureStepLeavesEveryValueBitwiseUnchanged) {
  const std::string before = arena_->hash();
  EXPECT_GT(gradient({.order = GetParam()}).norm().item<double>(), 0);
  EXPECT_EQ(arena_->hash(), before);
}

TEST_P(Architect, TheGradientDependsOnNothingThatWasThereBefore) {
  const torch::Tensor first = gradient({.order = GetParam()});
  arena_->gradients().fill_(7);
  EXPECT_TRUE(gradient({.order = GetParam()}).equal(first));
}

std::string order_name(const testing::TestParamInfo<ArchitectureOrder>& info) {
  return std::array{"first", "second", "mixed"}[static_cast<size_t>(info.param)];
}

INSTANTIATE_TEST_SUITE_P(Every, Architect,
                         testing::Values(ArchitectureOrder::first, ArchitectureOrder::second, ArchitectureOrder::mixed),
                         order_name);

using ArchitectOrders = Architect;

TEST_F(ArchitectOrders, MixedIsTheTrainingGradientPlusLambdaTimesTheValidationGradient) {
  const torch::Tensor valid = gradient({});
  architecture_gradient(*network_, *arena_, {}, batch(0), {});
  const torch::Tensor train = arena_->gradient(Segment::alpha).clone();
  const torch::Tensor mixed = gradient({.order = ArchitectureOrder::mixed, .mixed_weight = 0.5});
  EXPECT_LT(distance(mixed, train + 0.5 * valid), 1e-12);
}

TEST_F(ArchitectOrders, SecondOrderWithoutAStepIsFirstOrder) {
  UnrolledStep step;
  step.lr = 0;
  EXPECT_LT(distance(gradient({.order = ArchitectureOrder::second}, step), gradient({})), 1e-12);
}

TEST_F(ArchitectOrders, SecondOrderReportsTheLossAfterTheOptimizersOwnStep) {
  const torch::Tensor weights = arena_->segment(Segment::weights);
  UnrolledStep step;
  step.lr = 0.1;
  step.momentum_buffer =
      torch::randn(weights.sizes(), make_torch_generator({.seed = 9, .purpose = "momentum"}), weights.options());
  const double reported =
      architecture_gradient(*network_, *arena_, batch(0), batch(1), {.order = ArchitectureOrder::second}, step);
  weight_gradient(*network_, *arena_, batch(0));
  weights.sub_(step.lr * (step.momentum * step.momentum_buffer + arena_->gradient(Segment::weights) +
                          step.weight_decay * weights));
  EXPECT_NEAR(weight_gradient(*network_, *arena_, batch(1)), reported, 1e-9);
}

TEST_F(ArchitectOrders, SecondOrderIsTheSlopeOfTheValidationLossAfterTheVirtualStep) {
  const UnrolledStep step{.lr = 0.02, .momentum = 0, .weight_decay = 3e-4, .momentum_buffer = {}};
  const torch::Tensor alpha = arena_->segment(Segment::alpha);
  const torch::Tensor weights = arena_->segment(Segment::weights);
  const torch::Tensor alpha_start = alpha.clone(), weights_start = weights.clone();
  const torch::Tensor second = gradient({.order = ArchitectureOrder::second}, step);
  const torch::Tensor first = gradient({});
  const auto loss_at = [&](const torch::Tensor& moved) {
    alpha.copy_(alpha_start + moved);
    weights.copy_(weights_start);
    weight_gradient(*network_, *arena_, batch(0));
    weights.sub_(step.lr * (arena_->gradient(Segment::weights) + step.weight_decay * weights));
    return weight_gradient(*network_, *arena_, batch(1));
  };
  double first_error = 0, second_error = 0;
  for (int64_t i = 0; i < 6; ++i) {
    torch::Tensor way =
        torch::randn(alpha.sizes(), make_torch_generator({.purpose = "way", .index = i}), alpha.options());
    way /= way.norm();
    const double slope = (loss_at(1e-5 * way) - loss_at(-1e-5 * way)) / 2e-5;
    first_error += std::pow(first.dot(way).item<double>() - slope, 2);
    second_error += std::pow(second.dot(way).item<double>() - slope, 2);
  }
  // The gradient of the step is itself a difference quotient, over which ReLUs and maxima change sides.
  EXPECT_LT(std::sqrt(second_error), 0.25 * std::sqrt(first_error));
}

TEST_F(ArchitectOrders, AWeightGradientLeavesAlphasGradientAloneUnlessAskedForIt) {
  arena_->gradients().fill_(7);
  const double loss = weight_gradient(*network_, *arena_, batch(0));
  EXPECT_TRUE(arena_->gradient(Segment::alpha).eq(7).all().item<bool>());
  const torch::Tensor weights = arena_->gradient(Segment::weights).clone();
  EXPECT_NEAR(weight_gradient(*network_, *arena_, batch(0), /*with_alpha=*/true), loss, 1e-12);
  EXPECT_LT(distance(arena_->gradient(Segment::weights), weights), 1e-12);
  architecture_gradient(*network_, *arena_, {}, batch(1), {});
  architecture_gradient(*network_, *arena_, {}, batch(0), {});
  const torch::Tensor alpha = arena_->gradient(Segment::alpha).clone();
  weight_gradient(*network_, *arena_, batch(0), /*with_alpha=*/true);
  EXPECT_LT(distance(arena_->gradient(Segment::alpha), alpha), 1e-12);
}

TEST(ArchitectOptions, AreReadFromTheConfiguration) {
  ArchitectOptions options;
  Config config = Config::parse("[architect]\norder = \"mixed\"\nmixed_weight = 0.25\n", "test");
  describe(config.section("architect"), options);
  EXPECT_EQ(options.order, ArchitectureOrder::mixed);
  EXPECT_EQ(options.mixed_weight, 0.25);
  Config bad = Config::parse("[architect]\norder = \"third\"\n", "test");
  EXPECT_THROW(describe(bad.section("architect"), options), ConfigError);
}

}  // namespace
}  // namespace archleak::nas
