#include "defenses/clipped_gradient.h"

#include <gtest/gtest.h>

#include "core/error.h"
#include "core/random.h"
#include "core/torch_random.h"
#include "models/batch_norm.h"
#include "models/initialise.h"
#include "models/layers.h"
#include "models/registry.h"
#include "nas/dag_network.h"

namespace archleak::defenses {
namespace {

namespace nn = torch::nn;

struct Examples {
  torch::Tensor images, labels;
};

Examples draw_examples(int64_t batch, ExampleShape shape, int64_t classes, uint64_t seed,
                       torch::ScalarType type = torch::kFloat32) {
  const auto generator = make_torch_generator({.seed = seed, .purpose = "examples"});
  return {torch::randn({batch, shape.channels, shape.height, shape.width}, generator, torch::TensorOptions(type)),
          torch::randint(0, classes, {batch}, generator, torch::TensorOptions(torch::kInt64))};
}

using Forward = std::function<torch::Tensor(const torch::Tensor&)>;

torch::Tensor losses_of(const Forward& forward, const Examples& examples) {
  return torch::cross_entropy_loss(forward(examples.images), examples.labels, {}, at::Reduction::None);
}

std::vector<torch::Tensor> gradients_at_zero(const std::vector<torch::Tensor>& parameters) {
  for (const auto& parameter : parameters) torch::Tensor(parameter).mutable_grad() = torch::zeros_like(parameter);
  std::vector<torch::Tensor> gradients;
  for (const auto& parameter : parameters) gradients.push_back(parameter.grad());
  return gradients;
}

torch::Tensor flat(const std::vector<torch::Tensor>& tensors) {
  std::vector<torch::Tensor> parts;
  for (const auto& tensor : tensors) parts.push_back(tensor.flatten());
  return torch::cat(parts).to(torch::kFloat64);
}

/// What clipping is about: a backward pass for each example by itself. `[examples, parameters]`
torch::Tensor by_loop(const Forward& forward, const Examples& examples, const std::vector<torch::Tensor>& parameters) {
  std::vector<torch::Tensor> rows;
  for (int64_t i = 0; i < examples.labels.size(0); ++i) {
    const auto gradients = gradients_at_zero(parameters);
    losses_of(forward, {examples.images.narrow(0, i, 1), examples.labels.narrow(0, i, 1)}).sum().backward();
    rows.push_back(flat(gradients));
  }
  return torch::stack(rows);
}

/// Compares with the loop at a clip that cuts about half of the examples.
void expect_like_the_loop(const Forward& forward, const Examples& examples,
                          const std::vector<torch::Tensor>& parameters) {
  const torch::Tensor rows = by_loop(forward, examples, parameters);
  const torch::Tensor norms = rows.norm(2, 1);
  const double clip = norms.median().item<double>();
  const torch::Tensor sum = (clip / norms).clamp_max(1).matmul(rows);
  const auto gradients = gradients_at_zero(parameters);
  const ClippedBatch batch = add_clipped_gradients([&] { return losses_of(forward, examples); }, parameters, clip);
  // Where examples cancel each other out, the sum is no measure of its own rounding.
  EXPECT_LT((flat(gradients) - sum).norm().item<double>(), 1e-5 * std::max(clip, sum.norm().item<double>()));
  EXPECT_LT(((batch.norms - norms) / norms).abs().max().item<double>(), 1e-5);
}

struct NamedNetwork {
  const char* name;
  ExampleShape shape;
  int64_t batch;
};

class NetworkByName : public testing::TestWithParam<NamedNetwork> {};

TEST_P(NetworkByName, HasTheClippedSumsOfALoopOverItsExamples) {
  const auto [name, shape, batch] = GetParam();
  const auto network = models::make_network(name, shape, 10, make_torch_generator({.seed = 1}));
  models::use_group_norm(*network);
  network->eval();  // in training mode the loop would draw other dropout masks
  expect_like_the_loop([&](const torch::Tensor& images) { return network->forward(images); },
                       draw_examples(batch, shape, 10, 2), network->parameters());
}

INSTANTIATE_TEST_SUITE_P(
    Models, NetworkByName,
    testing::Values(NamedNetwork{"cnn", {1, 28, 28}, 7}, NamedNetwork{"cnn", {3, 32, 32}, 7},
                    NamedNetwork{"alexnet", {3, 32, 32}, 7}, NamedNetwork{"vgg16", {3, 32, 32}, 3},
                    NamedNetwork{"resnet18", {3, 32, 32}, 3}, NamedNetwork{"resnet20", {1, 28, 28}, 3},
                    NamedNetwork{"wide_resnet28_4", {1, 28, 28}, 3}, NamedNetwork{"mobilenet", {3, 32, 32}, 3},
                    NamedNetwork{"densenet40_12", {1, 28, 28}, 3}, NamedNetwork{"fcn18_1", {1, 1, 40}, 5},
                    NamedNetwork{"column_fc", {1, 1, 40}, 7}),
    [](const auto& info) { return std::string(info.param.name) + std::to_string(info.index); });

/// The weights of a search network, without alpha.
std::vector<torch::Tensor> weights_of(const nas::SearchNetwork& network) {
  std::vector<torch::Tensor> weights;
  for (const auto& parameter : network.named_parameters()) {
    if (!network.is_alpha(parameter.key())) weights.push_back(parameter.value());
  }
  return weights;
}

TEST(ClippedGradient, AgreesWithTheLoopForTheWeightsOfGraphsOfCells) {
  for (const auto mapping : {nas::AlphaMapping::raw, nas::AlphaMapping::softmax, nas::AlphaMapping::sigmoid}) {
    const ExampleShape shape{2, 9, 8};
    const auto network = nas::make_dag_network({.cells = 6, .channels = 3, .alpha = mapping}, shape, 4,
                                               make_torch_generator({.seed = 4}));
    expect_like_the_loop([&](const torch::Tensor& images) { return network->forward(images); },
                         draw_examples(5, shape, 4, 1), weights_of(*network));
  }
}

TEST(ClippedGradient, AgreesWithTheLoopForTheWeightsOfTheSupernetWithGroupNorm) {
  const ExampleShape shape{3, 12, 12};
  const auto network = nas::make_search_network({.channels = 4, .layers = 3, .steps = 2, .multiplier = 2}, shape, 5,
                                                make_torch_generator({}));
  models::use_group_norm(*network);
  expect_like_the_loop([&](const torch::Tensor& images) { return network->forward(images); },
                       draw_examples(4, shape, 5, 1), weights_of(*network));
}

TEST(ClippedGradient, AgreesWithTheLoopForConvolutionsOfAnyShape) {
  for (uint64_t seed = 0; seed < 30; ++seed) {
    RandomEngine engine = make_engine({.seed = seed, .purpose = "shapes"});
    const auto pick = [&engine](std::initializer_list<int64_t> values) {
      return values.begin()[uniform_index(static_cast<int64_t>(values.size()), engine)];
    };
    const int64_t groups = pick({1, 1, 2, 3});
    const int64_t channels = groups * pick({1, 2, 5});
    const int64_t out = groups * pick({1, 3, 16});
    const models::ConvShape conv{.kernel = pick({1, 2, 3, 5}),
                                 .stride = pick({1, 2}),
                                 .padding = pick({0, 1, 2}),
                                 .dilation = pick({1, 2}),
                                 .groups = groups,
                                 .bias = pick({0, 1}) == 1};
    const ExampleShape shape{channels, pick({9, 10, 12}), pick({9, 11, 16})};
    nn::Sequential network(models::convolution(channels, out, conv), nn::Tanh(),
                           nn::GroupNorm(nn::GroupNormOptions(groups, out)), nn::AdaptiveAvgPool2d(2), nn::Flatten(),
                           nn::Linear(nn::LinearOptions(out * 4, 5).bias(pick({0, 1}) == 1)));
    models::initialise(*network, make_torch_generator({.seed = seed, .purpose = "weights"}));
    network->to(torch::kFloat64);  // what is tested is the formula, not the rounding of the loop
    SCOPED_TRACE(testing::Message() << "seed " << seed << ", kernel " << conv.kernel << ", groups " << groups);
    expect_like_the_loop([&](const torch::Tensor& images) { return network->forward(images); },
                         draw_examples(pick({1, 4, 9}), shape, 5, seed, torch::kFloat64), network->parameters());
  }
}

TEST(ClippedGradient, NoSumOfOneExampleIsLongerThanTheClip) {
  nn::Sequential network(nn::Flatten(), nn::Linear(12, 40), nn::Tanh(), nn::Linear(40, 3));
  models::initialise(*network, make_torch_generator({.purpose = "weights"}));
  const auto parameters = network->parameters();
  for (uint64_t seed = 0; seed < 200; ++seed) {
    const Examples example = draw_examples(1, {3, 2, 2}, 3, seed);
    for (const double clip : {1e-3, 0.1}) {
      const auto gradients = gradients_at_zero(parameters);
      add_clipped_gradients(
          [&] { return losses_of([&](const torch::Tensor& x) { return network->forward(x); }, example); }, parameters,
          clip);
      const double norm = flat(gradients).norm().item<double>();
      ASSERT_LE(norm, clip);
      ASSERT_GT(norm, 0.999 * clip);
    }
  }
}

void expect_refused(const Forward& forward, const std::vector<torch::Tensor>& parameters) {
  gradients_at_zero(parameters);
  const Examples examples = draw_examples(3, {1, 1, 6}, 6, 1);
  EXPECT_THROW(add_clipped_gradients([&] { return losses_of(forward, examples); }, parameters, 1), Error);
}

TEST(ClippedGradient, RefusesParametersThatItCannotFollow) {
  nn::Linear layer(6, 6);
  const auto by_layer = [&](const torch::Tensor& x) { return layer->forward(x.flatten(1)); };
  expect_refused([&](const torch::Tensor& x) { return layer->forward(by_layer(x)); }, layer->parameters());
  expect_refused([&](const torch::Tensor& x) { return by_layer(x) * layer->bias; }, layer->parameters());
  expect_refused([&](const torch::Tensor& x) { return by_layer(x).relu_(); }, layer->parameters());
  const torch::Tensor scale = torch::ones({6}, torch::requires_grad());
  expect_refused([&](const torch::Tensor& x) { return x.flatten(1) * scale; }, {scale});
}

TEST(ClippedGradient, LeavesParametersThatTheLossDoesNotNeedAsTheyAre) {
  nn::Linear used(6, 6), unused(6, 6);
  const std::vector<torch::Tensor> parameters{used->weight, used->bias, unused->weight};
  gradients_at_zero(parameters);
  add_clipped_gradients(
      [&] {
        return losses_of([&](const torch::Tensor& x) { return used->forward(x.flatten(1)); },
                         draw_examples(3, {1, 1, 6}, 6, 1));
      },
      parameters, 1);
  EXPECT_GT(used->weight.grad().norm().item<double>(), 0);
  EXPECT_EQ(unused->weight.grad().norm().item<double>(), 0);
}

}  // namespace
}  // namespace archleak::defenses
