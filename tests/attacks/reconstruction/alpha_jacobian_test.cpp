#include "attacks/reconstruction/alpha_jacobian.h"

#include <gtest/gtest.h>

#include "attacks/reconstruction/alpha_gradients.h"
#include "core/instruction_set.h"
#include "core/torch_random.h"

namespace archleak::attacks {
namespace {

using nas::Activation;
using nas::AlphaMapping;
using nas::DagHead;
using nas::DagOptions;

constexpr int64_t kLabel = 3;

struct Case {
  const char* name;
  DagOptions options;
  ExampleShape shape{1, 9, 11};
};

std::ostream& operator<<(std::ostream& out, const Case& c) {
  return out << c.name;
}

std::shared_ptr<nas::DagNetwork> network(const Case& c) {
  const auto made =
      nas::make_dag_network(c.options, c.shape, 5, make_torch_generator({.seed = 1, .purpose = "weights"}));
  made->to(torch::kFloat64);
  return made;
}

torch::Tensor image(const Case& c, uint64_t seed = 2) {
  const auto generator = make_torch_generator({.seed = seed, .purpose = "image"});
  return torch::rand({c.shape.size()}, generator, torch::TensorOptions().dtype(torch::kFloat64));
}

// The same by automatic differentiation, `[alphas]`; differentiable if `image` is.
torch::Tensor gradient(nas::DagNetwork& network, const torch::Tensor& image) {
  const auto shape = network.shape();
  const auto logits = network.forward(image.view({1, shape.channels, shape.height, shape.width}));
  const auto loss = torch::nn::functional::cross_entropy(logits, torch::tensor({kLabel}));
  const auto parameters = network.named_parameters();
  const auto grads =
      torch::autograd::grad({loss}, {parameters["alphas_connections"], parameters["alphas_operations"]}, {},
                            /*retain_graph=*/true, /*create_graph=*/true);
  return torch::cat({grads[0], grads[1].flatten()});
}

torch::Tensor jacobian(nas::DagNetwork& network, const torch::Tensor& image) {
  const auto at = image.clone().requires_grad_();
  const auto rows = gradient(network, at);
  std::vector<torch::Tensor> result;
  for (int64_t i = 0; i < rows.size(0); ++i) {
    const auto row = torch::autograd::grad({rows[i]}, {at}, {}, true, false, /*allow_unused=*/true)[0];
    result.push_back(row.defined() ? row : torch::zeros_like(image));
  }
  return torch::stack(result);
}

double distance(const torch::Tensor& a, const torch::Tensor& b) {
  return ((a - b).norm() / b.norm()).item<double>();
}

class AlphaDifferential : public testing::TestWithParam<Case> {};

TEST_P(AlphaDifferential, IsTheOneOfAutomaticDifferentiation) {
  const auto net = network(GetParam());
  const auto at = image(GetParam());
  const auto found = linearise_alpha_gradient(DagWeights(*net), at, kLabel);
  EXPECT_LT(distance(found.gradient, gradient(*net, at).detach()), 1e-9);
  EXPECT_LT(distance(found.jacobian, jacobian(*net, at)), 1e-9);
}

TEST_P(AlphaDifferential, GradientsOfManyImagesAreThoseOfEach) {
  const auto net = network(GetParam());
  std::vector<torch::Tensor> images;
  for (uint64_t seed = 0; seed < 19; ++seed) images.push_back(image(GetParam(), seed));
  const DagWeights weights(*net);
  const auto found = AlphaGradients(weights)(torch::stack(images), kLabel);
  for (size_t i = 0; i < images.size(); ++i) {
    EXPECT_LT(distance(found[static_cast<int64_t>(i)], gradient(*net, images[i]).detach()), 1e-9) << i;
  }
}

TEST_P(AlphaDifferential, GradientsAndDifferentialsInFloatAreThoseInDoubleToItsPrecision) {
  const auto net = network(GetParam());
  std::vector<torch::Tensor> images;
  for (uint64_t seed = 0; seed < 35; ++seed) images.push_back(image(GetParam(), seed));
  const DagWeights weights(*net);
  const BasicDagWeights<float> rough(weights);
  const auto found = AlphaGradients(rough)(torch::stack(images), kLabel);
  EXPECT_LT(distance(found, AlphaGradients(weights)(torch::stack(images), kLabel)), 1e-5);
  const auto exact = linearise_alpha_gradient(weights, images[0], kLabel);
  const auto differential = linearise_alpha_gradient(weights, images[0], kLabel, {}, &rough);
  EXPECT_LT(distance(differential.jacobian, exact.jacobian), 1e-5);
  EXPECT_EQ(distance(differential.gradient, exact.gradient), 0);
}

INSTANTIATE_TEST_SUITE_P(
    Networks, AlphaDifferential,
    testing::Values(Case{"elu", {.cells = 7}},
                    Case{"tanh_without_max_pool", {.cells = 12, .activation = Activation::tanh, .max_pool = false}},
                    Case{"softmax", {.cells = 5, .channels = 3, .alpha = AlphaMapping::softmax}},
                    Case{
                        "sigmoid_everywhere",
                        {.cells = 5, .channels = 1, .alpha = AlphaMapping::sigmoid, .activation = Activation::sigmoid}},
                    Case{"relu_average_pool_colour",
                         {.cells = 6, .activation = Activation::relu, .head = DagHead::average_pool},
                         {3, 8, 7}}),
    [](const auto& info) { return info.param.name; });

TEST(AlphaDifferential, IsTheLimitOfFiniteDifferencesWhereTheActivationIsSmooth) {
  const Case c{"tanh", {.cells = 6, .activation = Activation::tanh, .max_pool = false}};
  const auto net = network(c);
  const DagWeights weights(*net);
  const auto at = image(c);
  const auto direction = image(c, 3);
  constexpr double kStep = 1e-5;
  const auto ends = AlphaGradients(weights)(torch::stack({at + kStep * direction, at - kStep * direction}), kLabel);
  const auto found = linearise_alpha_gradient(weights, at, kLabel).jacobian.mv(direction);
  EXPECT_LT(distance((ends[0] - ends[1]) / (2 * kStep), found), 1e-7);
}

TEST(AlphaDifferential, IsTheSameToRoundingOnEveryInstructionSet) {
  const Case c{"elu", {.cells = 7}};
  const auto net = network(c);
  const DagWeights weights(*net);
  const BasicDagWeights<float> rough(weights);
  const auto images = torch::stack({image(c, 1), image(c, 2), image(c, 3)});
  const auto expected = jacobian(*net, images[0]);
  const auto gradients = torch::stack(
      {gradient(*net, images[0]).detach(), gradient(*net, images[1]).detach(), gradient(*net, images[2]).detach()});
  for (const InstructionSet set : available_instruction_sets()) {
    SCOPED_TRACE(name_of(set));
    use_instruction_set(set);
    EXPECT_LT(distance(linearise_alpha_gradient(weights, images[0], kLabel).jacobian, expected), 1e-9);
    EXPECT_LT(distance(AlphaGradients(weights)(images, kLabel), gradients), 1e-9);
    EXPECT_LT(distance(AlphaGradients(rough)(images, kLabel), gradients), 1e-5);
  }
}

TEST(AlphaDifferential, AlongDirectionsIsTheJacobianTimesThem) {
  const Case c{"elu", {.cells = 6}};
  const auto net = network(c);
  const DagWeights weights(*net);
  const auto directions = torch::stack({image(c, 5), image(c, 6), image(c, 7)}, 1);
  const auto whole = linearise_alpha_gradient(weights, image(c), kLabel).jacobian;
  const auto along = linearise_alpha_gradient(weights, image(c), kLabel, directions).jacobian;
  EXPECT_LT(distance(along, whole.mm(directions)), 1e-12);
}

}  // namespace
}  // namespace archleak::attacks
