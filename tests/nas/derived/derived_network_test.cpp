#include "nas/derived_network.h"

#include <gmock/gmock.h>

#include <cmath>

#include "core/arena.h"
#include "core/error.h"
#include "core/torch_random.h"
#include "models/count.h"
#include "nas/derived_cell.h"

namespace archleak::nas {
namespace {

at::Generator generator(uint64_t seed = 1) {
  return make_torch_generator({.seed = seed, .purpose = "test"});
}

torch::Tensor images(ExampleShape shape, int64_t count = 2) {
  return torch::rand({count, shape.channels, shape.height, shape.width}, generator(7));
}

std::shared_ptr<DerivedNetwork> network(const Genotype& genotype, DerivedOptions options,
                                        ExampleShape shape = {3, 32, 32}) {
  return std::make_shared<DerivedNetwork>(genotype, options, shape, 10, generator());
}

TEST(DerivedNetwork, HasThePublishedSizeAndCostForDartsV2) {
  auto derived = network(named_genotype("DARTS_V2"), {.channels = 36, .layers = 20});
  const models::NetworkCost cost = models::count_cost(*derived, {3, 32, 32});
  EXPECT_EQ(cost.weights, 3349342);
  EXPECT_NEAR(1e-6 * static_cast<double>(cost.multiply_adds), 530, 15);
  derived = network(named_genotype("DARTS_V2"), {.channels = 36, .layers = 20, .auxiliary = true});
  EXPECT_EQ(models::count_cost(*derived, {3, 32, 32}).weights, 3825768);
}

TEST(DerivedNetwork, NamesItsTensorsAsTheOriginal) {
  const auto derived = network(named_genotype("DARTS_V2"), {.channels = 4, .layers = 6, .auxiliary = true});
  std::vector<std::string> names;
  for (const auto& item : derived->named_parameters()) names.push_back(item.key());
  for (const auto& item : derived->named_buffers()) names.push_back(item.key());
  EXPECT_THAT(
      names,
      testing::IsSupersetOf(
          {"stem.0.weight", "stem.1.bias", "cells.0.preprocess0.op.1.weight", "cells.0.preprocess1.op.2.bias",
           "cells.0._ops.0.op.1.weight", "cells.0._ops.0.op.2.weight", "cells.0._ops.0.op.3.running_mean",
           "cells.0._ops.0.op.5.weight", "cells.0._ops.0.op.6.weight", "cells.0._ops.0.op.7.weight",
           "cells.0._ops.7.op.3.weight", "cells.3.preprocess0.conv_1.weight", "cells.3.preprocess0.bn.bias",
           "auxiliary_head.features.2.weight", "auxiliary_head.features.3.weight", "auxiliary_head.features.5.weight",
           "auxiliary_head.features.6.running_var", "auxiliary_head.classifier.bias", "classifier.weight"}));
}

TEST(DerivedNetwork, TakesAnySizeAndAnyGenotype) {
  RandomEngine engine = make_engine({.seed = 3, .purpose = "genotype"});
  for (const ExampleShape shape : {ExampleShape{1, 28, 28}, {3, 32, 32}, {2, 29, 31}, {3, 8, 9}, {1, 50, 28}}) {
    const auto derived =
        network(random_genotype(3, engine), {.channels = 3, .layers = shape.height % 5 + 1, .auxiliary = true}, shape);
    derived->train();
    const torch::Tensor logits = derived->forward(images(shape));
    EXPECT_EQ(logits.sizes(), (std::vector<int64_t>{2, 10}));
    EXPECT_EQ(derived->auxiliary_logits().sizes(), (std::vector<int64_t>{2, 10}));
    (logits.square().sum() + derived->auxiliary_logits().square().sum()).backward();
    for (const auto& item : derived->named_parameters()) EXPECT_TRUE(item.value().grad().defined()) << item.key();
  }
}

TEST(DerivedNetwork, HasAuxiliaryLogitsOnlyAfterATrainingForward) {
  const auto derived = network(named_genotype("DARTS_V1"), {.channels = 4, .layers = 3, .auxiliary = true});
  EXPECT_THROW(derived->auxiliary_logits(), Error);
  derived->train();
  derived->forward(images({3, 32, 32}));
  EXPECT_NO_THROW(derived->auxiliary_logits());
  derived->eval();
  derived->forward(images({3, 32, 32}));
  EXPECT_THROW(derived->auxiliary_logits(), Error);
}

TEST(DerivedNetwork, DrawsTheSameBitsFromTheSameSeed) {
  const torch::NoGradGuard no_grad;
  const auto logits = [](uint64_t seed) {
    const auto derived = network(named_genotype("DARTS_V1"), {.channels = 4, .layers = 3});
    derived->train();
    derived->set_drop_path(0.5);
    derived->set_generator(generator(seed));
    return derived->forward(images({3, 32, 32}, 8));
  };
  EXPECT_TRUE(torch::equal(logits(1), logits(1)));
  EXPECT_FALSE(torch::equal(logits(1), logits(2)));
}

TEST(DerivedNetwork, DropsPathsInTrainingOnlyAndNeverWithoutAGenerator) {
  const auto derived = network(named_genotype("DARTS_V1"), {.channels = 4, .layers = 3});
  derived->set_drop_path(0.5);
  EXPECT_THROW(derived->forward(images({3, 32, 32})), Error);
  derived->eval();
  const torch::Tensor logits = derived->forward(images({3, 32, 32}));
  derived->set_drop_path(0);
  EXPECT_TRUE(torch::equal(logits, derived->forward(images({3, 32, 32}))));
  EXPECT_THROW(derived->set_drop_path(1), ConfigError);
  EXPECT_THROW(derived->set_drop_path(std::nan("")), ConfigError);
}

TEST(DerivedNetwork, KeepsItsValuesInAnArena) {
  const auto derived = network(named_genotype("DARTS_V2"), {.channels = 4, .layers = 3});
  derived->eval();
  const torch::Tensor before = derived->forward(images({3, 32, 32}));
  const Arena arena = Arena::adopt(*derived);
  EXPECT_TRUE(torch::equal(before, derived->forward(images({3, 32, 32}))));
  EXPECT_EQ(arena.layout().alpha, 0);
}

TEST(DerivedNetwork, RefusesOptionsThatMakeNoNetwork) {
  const Genotype genotype = named_genotype("DARTS_V2");
  EXPECT_THROW(network(genotype, {.channels = 0, .layers = 3}), ConfigError);
  EXPECT_THROW(network(genotype, {.channels = 4, .layers = 0}), ConfigError);
  EXPECT_THROW(network(genotype, {.channels = 4, .layers = 3}, {3, 7, 32}), ConfigError);
  EXPECT_THROW(DerivedNetwork(genotype, {.channels = 4, .layers = 3}, {3, 32, 32}, 1, generator()), ConfigError);
  EXPECT_THROW(network({}, {.channels = 4, .layers = 3}), DataError);
}

TEST(DerivedCell, DropsWholeExamplesOfOperationsButNotOfIdentities) {
  const torch::NoGradGuard no_grad;
  // Node 0 is operation(s0) + s1 and node 1 is s1 + s1, which tells both apart in the output.
  const std::vector<Genotype::Edge> edges = {
      {"sep_conv_3x3", 0}, {"skip_connect", 1}, {"skip_connect", 1}, {"skip_connect", 1}};
  DerivedCell cell(edges, {2, 3}, {.before_previous = 4, .previous = 4, .channels = 4});
  cell.eval();
  const torch::Tensor input = images({4, 8, 8}, 64);
  const auto operation = [&](double rate) {
    const auto nodes = cell.forward(input, input, rate, generator()).chunk(2, 1);
    return std::pair(nodes[0] - nodes[1] / 2, nodes[1]);
  };
  const auto [whole, identity] = operation(0);
  const auto [dropped, kept_identity] = operation(0.25);
  EXPECT_TRUE(torch::equal(identity, kept_identity));
  int64_t zeros = 0;
  for (int64_t i = 0; i < 64; ++i) {
    const double size = dropped[i].norm().item<double>();
    if (size < 1e-4) {
      ++zeros;
    } else {
      EXPECT_TRUE(torch::allclose(dropped[i], whole[i] / 0.75, 1e-3, 1e-4));
    }
  }
  EXPECT_GT(whole.norm().item<double>(), 1e-2);
  EXPECT_GT(zeros, 4);
  EXPECT_LT(zeros, 32);
}

TEST(DerivedCell, HalvesSidesRoundingUpAndKeepsChannelsLast) {
  const torch::NoGradGuard no_grad;
  for (const auto* name : kPrimitives) {
    if (name == std::string("none")) continue;
    for (const int64_t stride : {1, 2}) {
      const torch::Tensor input = images({4, 7, 8}).contiguous(torch::MemoryFormat::ChannelsLast);
      const torch::Tensor output = make_derived_operation(name, 4, stride)->forward(input);
      EXPECT_EQ(output.sizes(), (std::vector<int64_t>{2, 4, stride == 1 ? 7 : 4, 8 / stride})) << name;
      EXPECT_TRUE(output.is_contiguous(torch::MemoryFormat::ChannelsLast)) << name;
    }
  }
}

TEST(DerivedCell, PoolsWithoutCountingThePadding) {
  const torch::Tensor output = make_derived_operation("avg_pool_3x3", 1, 1)->forward(torch::ones({1, 1, 4, 4}));
  EXPECT_TRUE(torch::allclose(output, torch::ones({1, 1, 4, 4})));
}

}  // namespace
}  // namespace archleak::nas
