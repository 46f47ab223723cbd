#include "models/batch_norm.h"

#include <gtest/gtest.h>

#include "core/torch_random.h"
#include "models/batch_norm_pass.h"
#include "models/registry.h"

namespace archleak::models {
namespace {

torch::Tensor draw(at::IntArrayRef shape, const char* purpose, torch::ScalarType type = torch::kFloat64) {
  const torch::Tensor values = torch::randn(shape, make_torch_generator({.purpose = purpose}), torch::kFloat64);
  const torch::Tensor typed = (values * 3 + 1).to(type);
  return shape.size() == 4 ? typed.contiguous(torch::MemoryFormat::ChannelsLast) : typed;
}

double distance(const torch::Tensor& a, const torch::Tensor& b) {
  return ((a - b).norm() / b.norm()).item<double>();
}

class BatchNormPass : public testing::TestWithParam<bool> {
 protected:
  BatchNormPass() : norm_(5, GetParam()) {
    norm_.to(torch::kFloat64);
    if (GetParam()) {
      const torch::NoGradGuard no_grad;
      norm_.weight.copy_(draw({5}, "weight"));
      norm_.bias.copy_(draw({5}, "bias"));
    }
  }
  torch::Tensor library(const torch::Tensor& input, const torch::Tensor& mean = {}, const torch::Tensor& var = {}) {
    return torch::batch_norm(input, norm_.weight, norm_.bias, mean, var, true, BatchNorm::kMomentum,
                             BatchNorm::kEpsilon, false);
  }
  std::vector<torch::Tensor> leaves(const torch::Tensor& input) const {
    std::vector<torch::Tensor> result{input};
    if (GetParam()) result.insert(result.end(), {norm_.weight, norm_.bias});
    return result;
  }
  BatchNorm norm_;
};

TEST_P(BatchNormPass, GivesTheLibrarysValuesStatisticsAndGradients) {
  const torch::Tensor input = draw({7, 5, 3, 4}, "input").requires_grad_();
  ASSERT_TRUE(has_batch_norm_pass(input));
  torch::Tensor mean = norm_.running_mean.clone(), var = norm_.running_var.clone();
  const torch::Tensor expected = library(input, mean, var);
  const torch::Tensor output = norm_.forward(input);
  EXPECT_LT(distance(output, expected), 1e-12);
  EXPECT_LT(distance(norm_.running_mean, mean), 1e-12);
  EXPECT_LT(distance(norm_.running_var, var), 1e-12);
  EXPECT_EQ(norm_.num_batches_tracked.item<double>(), 1);
  const torch::Tensor gradient = draw({7, 5, 3, 4}, "gradient");
  const auto ours = torch::autograd::grad({output}, leaves(input), {gradient});
  const auto theirs = torch::autograd::grad({expected}, leaves(input), {gradient});
  for (size_t i = 0; i < ours.size(); ++i) EXPECT_LT(distance(ours[i], theirs[i]), 1e-11) << i;
}

TEST_P(BatchNormPass, IsDifferentiableTwice) {
  const torch::Tensor input = draw({4, 5, 3, 3}, "input").requires_grad_();
  const torch::Tensor direction = draw({4, 5, 3, 3}, "direction");
  const auto second = [&](const torch::Tensor& output) {
    const auto first = torch::autograd::grad({(output.pow(3) * direction).sum()}, {input}, {}, true, true);
    return torch::autograd::grad({first[0].pow(2).sum()}, {input})[0];
  };
  EXPECT_LT(distance(second(norm_.forward(input)), second(library(input))), 1e-10);
}

TEST_P(BatchNormPass, GivesTheSameBitsOnOneThreadAndOnTwo) {
  const auto run = [&](int threads) {
    torch::set_num_threads(threads);
    BatchNorm norm(5, GetParam());
    const torch::Tensor input = draw({33, 5, 9, 9}, "input", torch::kFloat32).requires_grad_();
    const torch::Tensor output = norm.forward(input);
    const auto gradient = torch::autograd::grad({output}, {input}, {draw({33, 5, 9, 9}, "gradient", torch::kFloat32)});
    torch::set_num_threads(1);
    return torch::cat({output.flatten(), gradient[0].flatten(), norm.running_mean, norm.running_var});
  };
  EXPECT_TRUE(run(1).equal(run(2)));
}

TEST_P(BatchNormPass, BatchStatisticsAloneLeaveTheRunningOnes) {
  norm_.use_batch_statistics(true);
  const torch::Tensor input = draw({7, 5, 3, 4}, "input");
  EXPECT_LT(distance(norm_.forward(input), library(input)), 1e-12);
  EXPECT_TRUE(norm_.running_mean.eq(0).all().item<bool>());
  EXPECT_EQ(norm_.num_batches_tracked.item<double>(), 0);
}

INSTANTIATE_TEST_SUITE_P(Every, BatchNormPass, testing::Bool(),
                         [](const auto& info) { return info.param ? "Affine" : "Plain"; });

TEST(BatchNorm, EvaluationUsesTheRunningStatistics) {
  BatchNorm norm(2, false);
  norm.running_mean.copy_(torch::tensor({1.f, 2.f}));
  norm.eval();
  const torch::Tensor input = torch::ones({1, 2, 1, 1}).contiguous(torch::MemoryFormat::ChannelsLast);
  EXPECT_NEAR(norm.forward(input).flatten()[1].item<double>(), -1, 1e-4);
}

TEST(BatchNorm, OverGroupsAnExampleDoesNotDependOnTheOthersInEitherMode) {
  for (const int64_t channels : {5, 16, 40}) {
    BatchNorm norm(channels, true);
    norm.use_groups();
    for (const bool training : {true, false}) {
      norm.train(training);
      const torch::Tensor images = draw({6, channels, 4, 3}, "input", torch::kFloat32);
      const torch::Tensor alone = norm.forward(images.narrow(0, 2, 1));
      EXPECT_LT(distance(norm.forward(images).narrow(0, 2, 1), alone), 1e-6);
      EXPECT_NEAR(alone.square().mean().item<double>(), 1, 1e-3);
    }
    EXPECT_TRUE(norm.running_mean.eq(0).all().item<bool>());
  }
}

TEST(BatchNorm, MixesExamplesUnlessItGoesByGroups) {
  const auto network = make_network("resnet20", {1, 28, 28}, 10, make_torch_generator({}));
  EXPECT_TRUE(mixes_examples(*network));
  use_group_norm(*network);
  EXPECT_FALSE(mixes_examples(*network));
  EXPECT_FALSE(mixes_examples(*make_network("cnn", {1, 28, 28}, 10, make_torch_generator({}))));
}

}  // namespace
}  // namespace archleak::models
