#include "nas/supernet.h"

#include <gtest/gtest.h>

#include "core/arena.h"
#include "core/error.h"
#include "core/torch_random.h"
#include "models/initialise.h"
#include "nas/architect.h"
#include "nas/fused_cell.h"

namespace archleak::nas {
namespace {

constexpr ExampleShape kColour{3, 32, 32};
constexpr ExampleShape kGrey{1, 28, 28};

SpaceOptions small(Execution execution = Execution::automatic) {
  return {.channels = 4, .layers = 3, .steps = 2, .multiplier = 2, .execution = execution};
}

std::shared_ptr<SearchNetwork> network(const SpaceOptions& options, ExampleShape shape, uint64_t seed = 1) {
  torch::set_num_threads(1);
  return make_search_network(options, shape, 10, make_torch_generator({.seed = seed, .purpose = "weights"}));
}

Arena adopt(SearchNetwork& network) {
  return Arena::adopt(network, [&](const auto& name) { return network.is_alpha(name); });
}

Batch batch(ExampleShape shape, int64_t size = 4, torch::ScalarType type = torch::kFloat32) {
  const auto generator = make_torch_generator({.seed = 5, .purpose = "images"});
  return {
      torch::randn({size, shape.channels, shape.height, shape.width}, generator, torch::TensorOptions().dtype(type)),
      torch::arange(size) % 10};
}

double distance(const torch::Tensor& a, const torch::Tensor& b) {
  return ((a - b).norm() / b.norm()).item<double>();
}

// Alpha this large decides for one operation an edge.
void prefer(SearchNetwork& network, const std::vector<int64_t>& choice) {
  const torch::NoGradGuard no_grad;
  const int64_t* operation = choice.data();
  for (torch::Tensor alpha : network.alphas()) {
    alpha.zero_();
    for (int64_t edge = 0; edge < alpha.size(0); ++edge) alpha[edge][*operation++] = 1e4;
  }
}

TEST(Supernet, HasThePublishedNumberOfWeights) {
  const auto weights = [](int64_t channels, int64_t layers) {
    const auto supernet = network({.channels = channels, .layers = layers}, kColour);
    return arena_layout(*supernet, [&](const auto& name) { return supernet->is_alpha(name); }).weights;
  };
  EXPECT_EQ(weights(16, 8), 1'930'618);
  EXPECT_EQ(weights(4, 4), 118'742);
}

TEST(Supernet, TheSameSeedGivesTheSameBitsAndAnotherSeedOthers) {
  const auto hash = [](uint64_t seed) {
    const auto supernet = network(small(), kGrey, seed);
    Arena arena = adopt(*supernet);
    weight_gradient(*supernet, arena, batch(kGrey), /*with_alpha=*/true);
    arena.segment(Segment::weights).add_(arena.gradient(Segment::weights));
    arena.segment(Segment::alpha).add_(arena.gradient(Segment::alpha));
    return arena.hash();
  };
  EXPECT_EQ(hash(1), hash(1));
  EXPECT_NE(hash(1), hash(2));
}

TEST(Supernet, NothingIsDrawnFromTheGlobalGeneratorOnTheWayToTheWeights) {
  torch::manual_seed(1);
  const auto first = network(small(), kGrey);
  torch::manual_seed(2);
  const auto second = network(small(), kGrey);
  EXPECT_EQ(adopt(*first).hash(), adopt(*second).hash());
}

TEST(Supernet, AlphaStartsSmallAndItsProbabilitiesAddUpToOne) {
  const auto supernet = network({}, kColour);
  const auto alphas = torch::cat(supernet->alphas());
  EXPECT_EQ(alphas.sizes(), (std::vector<int64_t>{28, kOperations}));
  EXPECT_NEAR(alphas.std().item<double>(), 1e-3, 2e-4);
  for (const auto& rows : supernet->probabilities()) EXPECT_TRUE(rows.sum(1).allclose(torch::ones({14})));
}

class SupernetExecution : public testing::TestWithParam<Execution> {};

TEST_P(SupernetExecution, ASelectionIsTheMixtureWithAllWeightOnIt) {
  const auto supernet = network(small(GetParam()), kGrey);
  const std::vector<int64_t> choice{4, 1, 3, 6, 2, 0, 7, 5, 3, 1};
  const Batch images = batch(kGrey);
  supernet->select(choice);
  const torch::Tensor selected = supernet->forward(images.images);
  supernet->select({});
  const torch::Tensor mixed = supernet->forward(images.images);
  prefer(*supernet, choice);
  EXPECT_LT(distance(supernet->forward(images.images), selected), 1e-5);
  EXPECT_GT(distance(mixed, selected), 1e-2);
}

TEST_P(SupernetExecution, TakesGreyImagesAndOddSizes) {
  for (const ExampleShape shape : {kGrey, ExampleShape{3, 27, 30}, ExampleShape{2, 5, 4}}) {
    const auto supernet = network(small(GetParam()), shape);
    Arena arena = adopt(*supernet);
    const Batch images = batch(shape);
    EXPECT_EQ(supernet->forward(images.images).sizes(), (std::vector<int64_t>{4, 10}));
    EXPECT_TRUE(std::isfinite(weight_gradient(*supernet, arena, images)));
  }
}

TEST_P(SupernetExecution, EveryWeightGetsAGradient) {
  const auto supernet = network(small(GetParam()), kGrey);
  Arena arena = adopt(*supernet);
  weight_gradient(*supernet, arena, batch(kGrey), /*with_alpha=*/true);
  for (const auto& entry : arena.layout().entries) {
    if (entry.segment == Segment::buffers) continue;
    const torch::Tensor part = arena.gradients().slice(0, entry.offset, entry.offset + entry.size);
    EXPECT_GT(part.abs().max().item<float>(), 0) << entry.name;
  }
}

TEST_P(SupernetExecution, TheAlphaGradientIsTheSlopeOfTheLoss) {
  const auto supernet = network(small(GetParam()), {1, 9, 9});
  supernet->to(torch::kFloat64);
  Arena arena = adopt(*supernet);
  const Batch images = batch({1, 9, 9}, 4, torch::kFloat64);
  architecture_gradient(*supernet, arena, {}, images, {});
  const torch::Tensor alpha = arena.segment(Segment::alpha);
  constexpr double kStep = 1e-5;
  const auto loss_with = [&](int64_t entry, double change) {
    const torch::NoGradGuard no_grad;
    alpha[entry] += change;
    const torch::Tensor loss = torch::cross_entropy_loss(supernet->forward(images.images), images.labels);
    alpha[entry] -= change;
    return loss.item<double>();
  };
  for (const int64_t entry : {0, 3, 12, 39, 41, 66, 79}) {
    const double slope = (loss_with(entry, kStep) - loss_with(entry, -kStep)) / (2 * kStep);
    EXPECT_NEAR(arena.gradient(Segment::alpha)[entry].item<double>(), slope, 1e-6 + 1e-4 * std::abs(slope)) << entry;
  }
}

TEST_P(SupernetExecution, EveryCellKeepsChannelsLast) {
  Supernet supernet(small(GetParam()), kColour, 10);
  for (const auto& output : supernet.features(batch(kColour).images)) {
    EXPECT_TRUE(output.is_contiguous(torch::MemoryFormat::ChannelsLast));
  }
}

INSTANTIATE_TEST_SUITE_P(Every, SupernetExecution, testing::Values(Execution::plain, Execution::fused),
                         [](const auto& info) { return info.param == Execution::plain ? "plain" : "fused"; });

TEST(Supernet, FusedAndPlainAgreeInValuesGradientsAndRunningStatistics) {
  // 6 channels: no wide vector divides them; 28x20: an odd size after two reductions and not square.
  const ExampleShape shape{2, 28, 18};
  std::vector<torch::Tensor> logits, evaluated, values, gradients;
  for (const Execution execution : {Execution::plain, Execution::fused}) {
    const auto supernet =
        network({.channels = 6, .layers = 4, .steps = 3, .multiplier = 2, .execution = execution}, shape);
    supernet->to(torch::kFloat64);
    Arena arena = adopt(*supernet);
    const Batch images = batch(shape, 5, torch::kFloat64);
    weight_gradient(*supernet, arena, images, /*with_alpha=*/true);
    logits.push_back(supernet->forward(images.images).detach());
    gradients.push_back(arena.gradients().clone());
    values.push_back(arena.values().clone());
    supernet->eval();
    evaluated.push_back(supernet->forward(images.images).detach());
    weight_gradient(*supernet, arena, images, /*with_alpha=*/true);
    gradients.back() = torch::cat({gradients.back(), arena.gradients()});
  }
  EXPECT_LT(distance(logits[1], logits[0]), 1e-10);
  EXPECT_LT(distance(evaluated[1], evaluated[0]), 1e-10);
  EXPECT_LT(distance(values[1], values[0]), 1e-10);
  EXPECT_LT(distance(gradients[1], gradients[0]), 1e-8);
}

TEST(FusedCell, ValuesAndGradientsAreTheSameBitsOnOneThreadAndOnTwo) {
  const auto run = [](int threads) {
    const auto generator = make_torch_generator({.seed = 2, .purpose = "cell"});
    const auto cell = std::make_shared<Cell>(CellShape{4, 4, 4, 2, 2, false, false});
    models::initialise(*cell, generator);
    const auto draw = [&](at::IntArrayRef shape) { return torch::randn(shape, generator).requires_grad_(); };
    const torch::Tensor first = draw({20, 4, 10, 10}), second = draw({20, 4, 10, 10}), weights = draw({5, kOperations});
    torch::set_num_threads(threads);
    const torch::Tensor output = fused_nodes(*cell, NodeState(first), NodeState(second), weights);
    output.backward(output.detach());
    std::vector<torch::Tensor> all{output.detach().flatten(), first.grad().flatten(), weights.grad().flatten()};
    for (const auto& edge : cell->edges) {
      for (const auto& weight : edge->operations[kSeparable5]->parameters()) all.push_back(weight.grad().flatten());
    }
    torch::set_num_threads(1);
    return torch::cat(all);
  };
  EXPECT_TRUE(run(1).equal(run(2)));
}

TEST(Supernet, BatchStatisticsNormaliseInEvaluationAsInTraining) {
  const auto supernet = network(small(), kGrey);
  models::use_batch_statistics(*supernet, true);
  Arena arena = adopt(*supernet);
  const std::string before = arena.hash();
  const Batch images = batch(kGrey);
  const torch::Tensor training = supernet->forward(images.images);
  supernet->eval();
  EXPECT_LT(distance(supernet->forward(images.images), training), 1e-6);
  EXPECT_EQ(arena.hash(), before);
}

TEST(Supernet, PlainExecutionIsDifferentiableTwice) {
  const auto supernet = network(small(Execution::plain), {1, 8, 8});
  const Batch images = batch({1, 8, 8});
  const torch::Tensor pixels = images.images.clone().requires_grad_();
  const torch::Tensor loss = torch::cross_entropy_loss(supernet->forward(pixels), images.labels);
  const auto alpha = torch::autograd::grad({loss}, supernet->alphas(), {}, true, /*create_graph=*/true);
  const auto second = torch::autograd::grad({alpha[0].square().sum()}, {pixels});
  EXPECT_GT(second[0].norm().item<double>(), 0);
}

TEST(Supernet, RefusesOptionsThatDescribeNoNetwork) {
  const auto make = [](const SpaceOptions& options, ExampleShape shape = kGrey, int64_t classes = 10) {
    return make_search_network(options, shape, classes, make_torch_generator({}));
  };
  EXPECT_THROW(make({.channels = 0}), ConfigError);
  EXPECT_THROW(make({.layers = 0}), ConfigError);
  EXPECT_THROW(make({.steps = 0}), ConfigError);
  EXPECT_THROW(make({.multiplier = 5}), ConfigError);
  EXPECT_THROW(make({.stem_multiplier = 0}), ConfigError);
  EXPECT_THROW(make({}, {1, 2, 28}), ConfigError);
  EXPECT_THROW(make({}, {0, 28, 28}), ConfigError);
  EXPECT_THROW(make({}, kGrey, 0), ConfigError);
}

TEST(Supernet, RefusesAWrongSelectionAndImagesOfAnotherShape) {
  const auto supernet = network(small(), kGrey);
  EXPECT_THROW(supernet->select({1, 2, 3}), Error);
  EXPECT_THROW(supernet->select(std::vector<int64_t>(10, kOperations)), Error);
  EXPECT_THROW(supernet->forward(batch(kColour).images), Error);
  EXPECT_THROW(supernet->forward(torch::empty({0, 1, 28, 28})), Error);
}

TEST(SpaceOptions, AreReadFromTheConfiguration) {
  SpaceOptions options;
  Config config = Config::parse("[space]\nchannels = 8\nexecution = \"plain\"\n", "test");
  describe(config.section("space"), options);
  EXPECT_EQ(options.channels, 8);
  EXPECT_EQ(options.execution, Execution::plain);
  Config bad = Config::parse("[space]\nsteps = 2\nmultiplier = 3\n", "test");
  EXPECT_THROW(describe(bad.section("space"), options), ConfigError);
}

}  // namespace
}  // namespace archleak::nas
