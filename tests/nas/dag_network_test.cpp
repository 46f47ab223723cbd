#include "nas/dag_network.h"

#include <gtest/gtest.h>

#include "core/arena.h"
#include "core/error.h"
#include "core/torch_random.h"
#include "nas/architect.h"

namespace archleak::nas {
namespace {

constexpr ExampleShape kGrey{1, 28, 28};

std::shared_ptr<DagNetwork> network(const DagOptions& options, ExampleShape shape = kGrey, uint64_t seed = 1) {
  return make_dag_network(options, shape, 10, make_torch_generator({.seed = seed, .purpose = "weights"}));
}

torch::Tensor images(ExampleShape shape = kGrey, int64_t count = 2) {
  const auto generator = make_torch_generator({.seed = 5, .purpose = "images"});
  return torch::rand({count, shape.channels, shape.height, shape.width}, generator, torch::TensorOptions());
}

Arena adopt(DagNetwork& network) {
  return Arena::adopt(network, [&](const auto& name) { return network.is_alpha(name); });
}

// A row of zeros but for one.
void choose(torch::Tensor row, int64_t index) {
  const torch::NoGradGuard no_grad;
  row.zero_();
  row[index] = 1;
}

TEST(DagNetwork, HasAConnectionForEveryPairOfCellsAndEightOperationsForEveryCellButTheStem) {
  for (const int64_t cells : {8, 32, 64}) {
    const auto graph = network({.cells = cells});
    EXPECT_EQ(adopt(*graph).layout().alpha, cells * (cells - 1) / 2 + (cells - 1) * 8);
  }
}

TEST(DagNetwork, FeaturesReachTheClassifierWithOrderOneAtAnyDepth) {
  for (const int64_t cells : {8, 64, 256}) {
    for (const bool max_pool : {true, false}) {
      const double size =
          network({.cells = cells, .max_pool = max_pool})->forward(images()).abs().mean().item<double>();
      EXPECT_GT(size, 0.01) << cells;
      EXPECT_LT(size, 10) << cells;
    }
  }
}

TEST(DagNetwork, RawWeightsOfOneOperationAndOneInputAreTheSelectedSubNetwork) {
  const auto graph = network({.cells = 5});
  const std::vector<int64_t> operations{kSeparable5, kMaxPool, kSkip, kDilated3}, inputs{0, 1, 0, 2};
  std::vector<int64_t> choice = operations;
  choice.insert(choice.end(), inputs.begin(), inputs.end());
  graph->select(choice);
  const auto selected = graph->forward(images());
  graph->select({});
  const auto alphas = graph->alphas();
  for (int64_t cell = 0; cell < 4; ++cell) {
    choose(alphas[1].detach()[cell], operations[cell]);
    choose(alphas[0].detach().narrow(0, first_connection(cell + 1), cell + 1), inputs[cell]);
  }
  EXPECT_TRUE(graph->forward(images()).allclose(selected, 1e-5, 1e-6));
}

TEST(DagNetwork, WithoutMaxPoolItsWeightHasNoEffect) {
  const auto graph = network({.cells = 4, .max_pool = false});
  const auto before = graph->forward(images());
  graph->alphas()[1].detach().select(1, kMaxPool).fill_(100);
  EXPECT_TRUE(graph->forward(images()).equal(before));
}

TEST(DagNetwork, SoftmaxWeightsAddUpToOneAndSigmoidWeightsLieWithinZeroAndOne) {
  for (const auto& rows : network({.cells = 6, .alpha = AlphaMapping::softmax})->probabilities()) {
    EXPECT_TRUE(rows.sum(1).allclose(torch::ones({rows.size(0)})));
  }
  for (const auto& rows : network({.cells = 6, .alpha = AlphaMapping::sigmoid})->probabilities()) {
    EXPECT_TRUE(((rows > 0) & (rows < 1)).all().item<bool>());
  }
}

TEST(DagNetwork, ArchitectureGradientComesOutOfTheArena) {
  const auto graph = network({.cells = 4});
  Arena arena = adopt(*graph);
  const Batch batch{images(), torch::tensor({1, 2})};
  architecture_gradient(*graph, arena, batch, batch, {});
  const auto loss = torch::cross_entropy_loss(graph->forward(batch.images), batch.labels);
  const auto expected = torch::autograd::grad({loss}, graph->alphas());
  const auto found = arena.gradient(Segment::alpha);
  EXPECT_TRUE(found.slice(0, 0, 6).equal(expected[0]));
  EXPECT_TRUE(found.slice(0, 6).equal(expected[1].flatten()));
  EXPECT_GT(expected[0].abs().min().item<double>(), 0);
}

TEST(DagNetwork, TakesImagesWhoseChannelsLieTogether) {
  for (const ExampleShape shape : {ExampleShape{3, 12, 12}, ExampleShape{1, 12, 12}}) {
    const auto graph = network({.cells = 4}, shape);
    const auto input = images(shape, 1);
    const auto together = torch::empty({1, 12, 12, shape.channels}).permute({0, 3, 1, 2}).copy_(input);
    EXPECT_TRUE(graph->forward(together).allclose(graph->forward(input), 1e-4, 1e-6));
  }
}

TEST(DagNetwork, APlaceIsACellsOperation) {
  const auto graph = network({.cells = 4});
  const auto place = graph->place("cells.2.dil_conv_3x3.pointwise.weight");
  ASSERT_TRUE(place);
  EXPECT_EQ(place->row, 1);
  EXPECT_EQ(place->operation, kDilated3);
  EXPECT_FALSE(graph->place("cells.2.bias"));
  EXPECT_FALSE(graph->place("head.weight"));
}

TEST(DagNetwork, TheSameSeedGivesTheSameBitsAndAnotherSeedOthers) {
  const auto hash = [](uint64_t seed) { return adopt(*network({.cells = 4}, kGrey, seed)).hash(); };
  EXPECT_EQ(hash(1), hash(1));
  EXPECT_NE(hash(1), hash(2));
}

TEST(DagNetwork, WhatDescribesNoNetworkIsRefused) {
  EXPECT_THROW(network({.cells = 1}), ConfigError);
  EXPECT_THROW(network({.channels = 0}), ConfigError);
  EXPECT_THROW(network({.cells = 4})->forward(images({1, 14, 14})), Error);
  EXPECT_THROW(network({.cells = 4})->select({0}), Error);
  EXPECT_THROW(network({.cells = 3})->select({0, 8, 0, 0}), Error);
  EXPECT_THROW(network({.cells = 3})->select({0, 0, 1, 0}), Error);
}

}  // namespace
}  // namespace archleak::nas
