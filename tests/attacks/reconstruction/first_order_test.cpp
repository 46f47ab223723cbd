#include "attacks/reconstruction/first_order.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "attacks/reconstruction/image_metrics.h"
#include "core/error.h"
#include "core/torch_random.h"
#include "nas/dag_network.h"

namespace archleak::attacks {

void PrintTo(const FirstOrderOptions& options, std::ostream* stream) {
  *stream << (options.step == FirstOrderOptions::Step::adam ? "adam" : "lbfgs");
}

namespace {

constexpr ExampleShape kShape{1, 12, 12};

at::Generator stream(const char* purpose) {
  return make_torch_generator({.seed = 1, .purpose = purpose});
}

// A small smooth graph whose client has sent the gradient of its weights too: the case that these attacks are for.
struct Victim {
  explicit Victim(std::vector<int64_t> of, double mean = 0, double deviation = 1) : labels(std::move(of)) {
    network = nas::make_dag_network({.cells = 3, .activation = nas::Activation::sigmoid, .max_pool = false}, kShape, 10,
                                    stream("weights"));
    network->to(torch::kFloat64);
    const auto count = static_cast<int64_t>(labels.size());
    const auto coarse = torch::rand({count, 1, 4, 4}, stream("images"), torch::TensorOptions().dtype(torch::kFloat64));
    originals = torch::upsample_bilinear2d(coarse, {12, 12}, /*align_corners=*/true);
    parameters = network->parameters();
    const auto loss =
        torch::cross_entropy_loss(network->forward((originals - mean) / deviation), torch::tensor(labels));
    observed = torch::autograd::grad({loss}, parameters);
  }
  FirstOrderResult attack(const FirstOrderOptions& options) const {
    return match_gradients(*network, parameters, observed, {1, 12, 12}, labels, 10, options, stream("attack"));
  }
  std::vector<int64_t> labels;
  std::shared_ptr<nas::DagNetwork> network;
  torch::Tensor originals;
  std::vector<torch::Tensor> parameters, observed;
};

class EveryFirstOrderAttack : public testing::TestWithParam<FirstOrderOptions> {};

TEST_P(EveryFirstOrderAttack, FindsTheImageBehindTheGradientOfAllParameters) {
  const Victim victim({3});
  const auto found = victim.attack(GetParam());
  EXPECT_GT(correlation(found.images[0], victim.originals[0]), 0.9);
  EXPECT_EQ(found.labels, victim.labels);
  EXPECT_GE(found.images.min().item<double>(), 0);
  EXPECT_LE(found.images.max().item<double>(), 1);
}

std::vector<FirstOrderOptions> every_attack() {
  const FirstOrderOptions cosine{.objective = GradientObjective::cosine, .iterations = 200, .total_variation = 1e-3};
  FirstOrderOptions l2 = cosine, l1 = cosine;
  l2.objective = GradientObjective::l2;
  l1.objective = GradientObjective::l1;
  l2.total_variation = l1.total_variation = 1e-4;
  const FirstOrderOptions lbfgs{.objective = GradientObjective::l2,
                                .step = FirstOrderOptions::Step::lbfgs,
                                .iterations = 300,
                                .lr = 1,
                                .total_variation = 0};
  FirstOrderOptions joint = lbfgs;
  joint.joint_labels = true;
  return {cosine, l2, l1, lbfgs, joint};
}

std::string attack_name(const testing::TestParamInfo<FirstOrderOptions>& info) {
  const std::vector<std::string> names{"adam_cosine", "adam_l2", "adam_l1", "lbfgs", "lbfgs_joint_labels"};
  return names.at(info.index);
}

INSTANTIATE_TEST_SUITE_P(FirstOrder, EveryFirstOrderAttack, testing::ValuesIn(every_attack()), attack_name);

TEST(FirstOrder, PixelsAreFoundBehindInputsThatAreNormalised) {
  const Victim victim({3}, 0.4, 0.25);
  auto options = every_attack()[0];
  options.mean = torch::full({1, 12, 12}, 0.4);
  options.deviation = torch::full({1, 12, 12}, 0.25);
  const auto found = victim.attack(options);
  EXPECT_GT(correlation(found.images[0], victim.originals[0]), 0.9);
  EXPECT_LT((found.images - victim.originals).abs().mean().item<double>(), 0.15);
}

TEST(FirstOrder, AnImageIsFoundByItsShareOfTheGradient) {
  Victim victim({3, 5});
  const auto losses = torch::cross_entropy_loss(victim.network->forward(victim.originals), torch::tensor(victim.labels),
                                                {}, at::Reduction::None);
  victim.observed = torch::autograd::grad({0.9 * losses[0] + 0.1 * losses[1]}, victim.parameters);
  auto options = every_attack()[0];
  const double even = victim.attack(options).objective;
  options.shares = {0.9, 0.1};
  const auto found = victim.attack(options);
  EXPECT_LT(found.objective, even / 2);
  EXPECT_GT(correlation(found.images[0], victim.originals[0]), 0.9);
  options.shares = {1};
  EXPECT_THROW(victim.attack(options), Error);
}

TEST(FirstOrder, AModelWithoutFiniteGradientsExplainsNothingAndLeavesImagesAllTheSame) {
  const Victim victim({3});
  const torch::NoGradGuard no_grad;
  victim.parameters.front().fill_(NAN);
  const auto found = victim.attack({.iterations = 3});
  EXPECT_EQ(found.objective, std::numeric_limits<double>::infinity());
  EXPECT_TRUE(found.images.isfinite().all().item<bool>());
}

TEST(FirstOrder, TheHeadsGradientTellsTheLabelOfASingleImage) {
  const Victim victim({7});
  const auto parameters = victim.network->named_parameters();
  const auto loss = torch::cross_entropy_loss(victim.network->forward(victim.originals), torch::tensor({7}));
  EXPECT_EQ(label_from_head_gradient(torch::autograd::grad({loss}, {parameters["head.bias"]})[0]), 7);
}

TEST(FirstOrder, DenoisingLeavesNoPixelAboveItsThreshold) {
  const Victim victim({3});
  const auto found = victim.attack({.iterations = 5, .denoise_above = 0.6});
  EXPECT_LE(found.images.max().item<double>(), 0.6);
}

TEST(FirstOrder, MoreRestartsNeverExplainLess) {
  const Victim victim({3});
  const auto one = victim.attack({.iterations = 10}), three = victim.attack({.iterations = 10, .restarts = 3});
  EXPECT_LE(three.objective, one.objective);
}

// What is left of the cosine's mismatch of alpha's gradients over a small DARTS supernet.
double left_over(nas::Execution execution, int64_t iterations) {
  const auto network =
      nas::make_search_network({.channels = 2, .layers = 3, .steps = 2, .multiplier = 2, .execution = execution},
                               kShape, 10, stream("supernet"));
  network->train();
  const auto image = torch::rand({1, 1, 12, 12}, stream("image"));
  const auto loss = torch::cross_entropy_loss(network->forward(image), torch::tensor({3}));
  const auto observed = torch::autograd::grad({loss}, network->alphas());
  return match_gradients(*network, network->alphas(), observed, {1, 12, 12}, {3}, 10, {.iterations = iterations},
                         stream("attack"))
      .objective;
}

TEST(FirstOrder, FollowsTheGradientOfAlphaOverTheCellsOfDarts) {
  EXPECT_LT(left_over(nas::Execution::plain, 30), 0.7 * left_over(nas::Execution::plain, 1));
}

TEST(FirstOrder, ANetworkThatIsDifferentiableOnceIsRefused) {
  EXPECT_THROW(left_over(nas::Execution::fused, 1), Error);
}

TEST(FirstOrder, GradientsThatAreNotTheParametersAreRefused) {
  Victim victim({3});
  victim.observed[0] = torch::full_like(victim.observed[0], NAN);
  EXPECT_THROW(victim.attack({}), Error);
  victim.observed[0] = torch::zeros({1});
  EXPECT_THROW(victim.attack({}), Error);
  victim.observed.pop_back();
  EXPECT_THROW(victim.attack({}), Error);
}

}  // namespace
}  // namespace archleak::attacks
