#include "core/optimizer.h"

#include <gmock/gmock.h>

#include <cmath>
#include <numbers>

#include "core/error.h"
#include "core/torch_random.h"

namespace archleak {
namespace {

constexpr int64_t kSize = 1003;  // no multiple of a vector register

torch::Tensor draw(int64_t index, int64_t size = kSize) {
  const auto generator = make_torch_generator({.purpose = "optimizer test", .index = index});
  return torch::randn({size}, generator, torch::TensorOptions());
}

/// The values after `steps` steps of ours, from the same start with the same gradients as `by_torch`.
torch::Tensor by_us(const OptimizerOptions& options, int steps, torch::Dtype type = torch::kFloat32) {
  Optimizer optimizer(options, kSize, type);
  torch::Tensor values = draw(0).to(type);
  for (int i = 1; i <= steps; ++i) optimizer.step(values, draw(i).to(type));
  return values;
}

template <typename TorchOptimizer, typename TorchOptions>
torch::Tensor by_torch(const TorchOptions& options, int steps, torch::Dtype type = torch::kFloat32) {
  torch::Tensor values = draw(0).to(type).requires_grad_();
  TorchOptimizer optimizer({values}, options);
  for (int i = 1; i <= steps; ++i) {
    values.mutable_grad() = draw(i).to(type);
    optimizer.step();
  }
  return values.detach();
}

void expect_close(const torch::Tensor& ours, const torch::Tensor& theirs) {
  const double tolerance = ours.scalar_type() == torch::kFloat64 ? 1e-13 : 2e-6;
  EXPECT_LT((ours - theirs).abs().max().item<double>(), tolerance);
  EXPECT_GT((ours - draw(0)).abs().max().item<double>(), 1e-3) << "nothing moved";
}

using torch::optim::AdagradOptions;
using torch::optim::AdamOptions;
using torch::optim::SGDOptions;

constexpr torch::Dtype kBothTypes[] = {torch::kFloat32, torch::kFloat64};

TEST(Optimizer, SgdIsTorchs) {
  for (const auto type : kBothTypes) {
    expect_close(by_us({.lr = 0.1, .weight_decay = 3e-4}, 10, type),
                 by_torch<torch::optim::SGD>(SGDOptions(0.1).weight_decay(3e-4), 10, type));
    expect_close(by_us({.lr = 0.025, .momentum = 0.9, .weight_decay = 3e-4}, 10, type),
                 by_torch<torch::optim::SGD>(SGDOptions(0.025).momentum(0.9).weight_decay(3e-4), 10, type));
    expect_close(
        by_us({.lr = 0.05, .momentum = 0.9, .weight_decay = 1e-4, .nesterov = true}, 10, type),
        by_torch<torch::optim::SGD>(SGDOptions(0.05).momentum(0.9).weight_decay(1e-4).nesterov(true), 10, type));
  }
}

TEST(Optimizer, AdamIsTorchs) {
  for (const auto type : kBothTypes) {
    expect_close(
        by_us({.kind = OptimizerKind::adam, .lr = 3e-3, .beta1 = 0.5, .beta2 = 0.999, .weight_decay = 1e-3}, 20, type),
        by_torch<torch::optim::Adam>(AdamOptions(3e-3).betas({0.5, 0.999}).weight_decay(1e-3), 20, type));
  }
}

TEST(Optimizer, AdagradIsTorchs) {
  for (const auto type : kBothTypes) {
    expect_close(by_us({.kind = OptimizerKind::adagrad, .lr = 0.05, .epsilon = 1e-10, .weight_decay = 1e-3}, 10, type),
                 by_torch<torch::optim::Adagrad>(AdagradOptions(0.05).weight_decay(1e-3).eps(1e-10), 10, type));
  }
}

/// One value through two steps with gradients 0.5 and -0.25, from 1, with lr 0.1, beta1 0.9, beta2 0.99, tau 1e-3.
double two_steps(OptimizerKind kind, double (*second)(double v, double square)) {
  double x = 1, m = 0, v = 1e-6;
  for (const double g : {0.5, -0.25}) {
    m = 0.9 * m + 0.1 * g;
    v = second(v, g * g);
    x -= 0.1 * m / (std::sqrt(v) + 1e-3);
  }
  for (const auto type : kBothTypes) {
    Optimizer optimizer({.kind = kind, .lr = 0.1, .beta1 = 0.9, .beta2 = 0.99, .epsilon = 1e-3}, 1, type);
    torch::Tensor values = torch::ones({1}, type);
    for (const double g : {0.5, -0.25}) optimizer.step(values, torch::full({1}, g, type));
    EXPECT_NEAR(values.item<double>(), x, type == torch::kFloat64 ? 1e-12 : 1e-6);
  }
  return x;
}

TEST(Optimizer, TheServersRulesAreThoseOfReddi) {
  const double adam = two_steps(OptimizerKind::fed_adam, [](double v, double s) { return 0.99 * v + 0.01 * s; });
  const double yogi = two_steps(OptimizerKind::fed_yogi, [](double v, double s) {
    return v - 0.01 * s * (v > s ? 1 : v < s ? -1 : 0);
  });
  const double adagrad = two_steps(OptimizerKind::fed_adagrad, [](double v, double s) { return v + s; });
  EXPECT_NE(adam, yogi);
  EXPECT_GT(adagrad, adam);
}

TEST(Optimizer, TensorOperationsAgreeWithTheSinglePass) {
  for (const auto kind : {OptimizerKind::sgd, OptimizerKind::adam, OptimizerKind::adagrad, OptimizerKind::fed_adam,
                          OptimizerKind::fed_yogi, OptimizerKind::fed_adagrad}) {
    const OptimizerOptions options{.kind = kind, .lr = 0.01, .momentum = 0.9, .epsilon = 1e-3, .weight_decay = 1e-3};
    expect_close(by_us(options, 10), by_us(options, 10, torch::kFloat64).to(torch::kFloat32));
  }
}

TEST(Optimizer, TheBitsDoNotDependOnTheNumberOfThreads) {
  const int before = torch::get_num_threads();
  const OptimizerOptions options{.kind = OptimizerKind::adam, .lr = 0.01};
  const auto run = [&](int threads) {
    torch::set_num_threads(threads);
    Optimizer optimizer(options, 200000);
    torch::Tensor values = draw(0, 200000);
    for (int i = 1; i <= 3; ++i) {
      torch::Tensor gradient = draw(i, 200000);
      clip_gradient_norm(gradient, 5);
      optimizer.step(values, gradient);
    }
    return values;
  };
  EXPECT_TRUE(run(1).equal(run(2)));
  torch::set_num_threads(before);
}

TEST(Optimizer, AnotherRateHoldsForOneStep) {
  Optimizer optimizer({.lr = 1}, 1);
  torch::Tensor values = torch::zeros({1});
  optimizer.step(values, torch::ones({1}), 0.25);
  optimizer.step(values, torch::ones({1}));
  EXPECT_EQ(values.item<float>(), -1.25f);
  EXPECT_EQ(optimizer.steps(), 2);
}

TEST(Optimizer, TheMomentumBufferIsZeroWhereNoneIsKept) {
  Optimizer plain({.lr = 1}, 3);
  EXPECT_TRUE(plain.momentum_buffer().equal(torch::zeros({3})));
  Optimizer momentum({.lr = 1, .momentum = 0.5}, 3);
  torch::Tensor values = torch::zeros({3});
  for (int i = 0; i < 2; ++i) momentum.step(values, torch::ones({3}));
  EXPECT_TRUE(momentum.momentum_buffer().equal(torch::full({3}, 1.5f)));
}

TEST(Optimizer, AContinuationFromSavedStateIsBitwiseEqual) {
  for (const auto kind : {OptimizerKind::sgd, OptimizerKind::adam, OptimizerKind::adagrad, OptimizerKind::fed_yogi}) {
    const OptimizerOptions options{.kind = kind, .lr = 0.01, .momentum = 0.9};
    Optimizer whole(options, kSize);
    torch::Tensor values = draw(0);
    for (int i = 1; i <= 3; ++i) whole.step(values, draw(i));
    Optimizer resumed(options, kSize);
    resumed.load(whole.save());
    torch::Tensor copy = values.clone();
    whole.step(values, draw(4));
    resumed.step(copy, draw(4));
    EXPECT_TRUE(copy.equal(values));
    EXPECT_EQ(resumed.save(), whole.save());
    whole.reset();
    EXPECT_EQ(whole.save(), Optimizer(options, kSize).save());
  }
}

TEST(Optimizer, StateOfAnotherOptimizerIsACheckpointErrorAndChangesNothing) {
  Optimizer optimizer({.kind = OptimizerKind::adam}, 3);
  torch::Tensor values = torch::zeros({3});
  optimizer.step(values, torch::ones({3}));
  const std::string state = optimizer.save();
  EXPECT_THROW(optimizer.load(Optimizer({.kind = OptimizerKind::adam}, 4).save()), CheckpointError);
  EXPECT_THROW(optimizer.load(Optimizer({.kind = OptimizerKind::fed_adam}, 3).save()), CheckpointError);
  EXPECT_THROW(optimizer.load(Optimizer({.kind = OptimizerKind::adam}, 3, torch::kFloat64).save()), CheckpointError);
  EXPECT_THROW(optimizer.load(state + "x"), CheckpointError);
  for (size_t length = 0; length < state.size(); ++length) {
    EXPECT_THROW(optimizer.load(std::string_view(state).substr(0, length)), CheckpointError);
  }
  EXPECT_EQ(optimizer.save(), state);
}

TEST(Optimizer, TensorsOfAnotherSizeOrTypeAreAnError) {
  Optimizer optimizer({}, 3);
  EXPECT_THROW(optimizer.step(torch::zeros({4}), torch::zeros({4})), Error);
  EXPECT_THROW(optimizer.step(torch::zeros({3}), torch::zeros({3}, torch::kFloat64)), Error);
  EXPECT_EQ(optimizer.steps(), 0);
}

TEST(Optimizer, NesterovWithoutMomentumIsAConfigError) {
  EXPECT_THROW(Optimizer({.nesterov = true}, 1), ConfigError);
  Config config = Config::parse("[o]\nnesterov = true\n", "run.toml");
  OptimizerOptions options;
  EXPECT_THROW(describe(config.section("o"), options), ConfigError);
}

TEST(Optimizer, TheDocumentKeepsDefaultsThatItDoesNotName) {
  Config config = Config::parse("[o]\nkind = \"fed_yogi\"\nlr = 0.5\n", "run.toml");
  OptimizerOptions options{.lr = 1, .beta1 = 0.5, .epsilon = 1e-3};
  describe(config.section("o"), options);
  config.reject_unknown();
  EXPECT_EQ(options.kind, OptimizerKind::fed_yogi);
  EXPECT_EQ(options.lr, 0.5);
  EXPECT_EQ(options.beta1, 0.5);
  EXPECT_EQ(options.epsilon, 1e-3);
}

TEST(ClipGradientNorm, ScalesLongGradientsAsTorchDoes) {
  torch::Tensor gradient = draw(1);
  torch::Tensor theirs = torch::zeros({kSize}).requires_grad_();
  theirs.mutable_grad() = gradient.clone();
  const double norm = torch::nn::utils::clip_grad_norm_({theirs}, 5.0);
  EXPECT_NEAR(clip_gradient_norm(gradient, 5), norm, 1e-4);
  EXPECT_LT((gradient - theirs.grad()).abs().max().item<double>(), 1e-6);
  EXPECT_NEAR(gradient.norm().item<double>(), 5, 1e-4);
}

TEST(ClipGradientNorm, LeavesShortAndUnusableGradientsAsTheyAre) {
  torch::Tensor gradient = torch::tensor({3.0f, 4.0f});
  EXPECT_EQ(clip_gradient_norm(gradient, 6), 5);
  EXPECT_TRUE(gradient.equal(torch::tensor({3.0f, 4.0f})));
  torch::Tensor infinite = torch::tensor({3.0f, std::numeric_limits<float>::infinity()});
  EXPECT_TRUE(std::isinf(clip_gradient_norm(infinite, 1)));
  EXPECT_EQ(infinite[0].item<float>(), 3);
}

TEST(CosineLr, FallsFromTheRateToTheMinimum) {
  EXPECT_EQ(cosine_lr(0.025, 0.001, 0, 50), 0.025);
  EXPECT_NEAR(cosine_lr(0.025, 0.001, 25, 50), 0.013, 1e-12);
  EXPECT_NEAR(cosine_lr(0.025, 0.001, 10, 50), 0.001 + 0.012 * (1 + std::cos(std::numbers::pi / 5)), 1e-15);
  EXPECT_EQ(cosine_lr(0.025, 0.001, 50, 50), 0.001);
  EXPECT_EQ(cosine_lr(0.025, 0.001, 60, 50), 0.001);
  EXPECT_EQ(cosine_lr(0.025, 0.001, 0, 0), 0.001);
}

}  // namespace
}  // namespace archleak
