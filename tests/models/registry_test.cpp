#include "models/registry.h"

#include <gmock/gmock.h>

#include "core/arena.h"
#include "core/error.h"
#include "core/torch_random.h"
#include "models/staged_network.h"

namespace archleak::models {
namespace {

constexpr ExampleShape kColour{3, 32, 32};
constexpr ExampleShape kGrey{1, 28, 28};
constexpr ExampleShape kTable{446, 1, 1};

at::Generator generator(uint64_t seed = 1) {
  return make_torch_generator({.seed = seed, .purpose = "test"});
}

torch::Tensor examples(ExampleShape shape, int64_t count = 2) {
  return torch::rand({count, shape.channels, shape.height, shape.width}, generator(7));
}

bool for_tables(const std::string& name) {
  return name.starts_with("fcn") || name == "column_fc";
}

int64_t weights(Network& network) {
  int64_t count = 0;
  for (const auto& parameter : network.parameters()) count += parameter.numel();
  return count;
}

std::string error_of(const std::string& name, ExampleShape shape, int64_t classes = 10) {
  try {
    make_network(name, shape, classes, generator());
  } catch (const ConfigError& error) {
    return error.what();
  }
  return "no error";
}

class EveryNetwork : public testing::TestWithParam<std::string> {};

TEST_P(EveryNetwork, ClassifiesTheShapesItIsFor) {
  const torch::NoGradGuard no_grad;
  for (const ExampleShape shape : {for_tables(GetParam()) ? kTable : kColour, kGrey}) {
    const auto network = make_network(GetParam(), shape, 7, generator());
    network->eval();
    const torch::Tensor logits = network->forward(examples(shape));
    EXPECT_EQ(logits.sizes(), (std::vector<int64_t>{2, 7}));
    EXPECT_TRUE(logits.isfinite().all().item<bool>());
    EXPECT_GT(logits.std().item<double>(), 0);
  }
}

TEST_P(EveryNetwork, TrainsEveryWeightAndDrawsOnlyFromItsGenerator) {
  torch::set_num_threads(1);
  const auto network = make_network(GetParam(), kGrey, 5, generator());
  network->train();
  const auto step = [&] {
    network->zero_grad();
    network->set_generator(generator(3));
    network->forward(examples(kGrey, 4)).square().sum().backward();
    std::vector<torch::Tensor> gradients;
    for (const auto& item : network->named_parameters()) {
      EXPECT_TRUE(item.value().grad().defined()) << item.key();
      gradients.push_back(item.value().grad().flatten().clone());
    }
    return torch::cat(gradients);
  };
  const torch::Tensor first = step();
  EXPECT_TRUE(first.isfinite().all().item<bool>());
  EXPECT_TRUE(torch::equal(first, step()));
}

std::vector<std::string> distinct_networks() {
  return {"cnn",      "alexnet",         "vgg16",     "resnet18",      "resnet20", "resnet50",
          "resnet56", "wide_resnet28_4", "mobilenet", "densenet40_12", "fcn18_1",  "column_fc"};
}

INSTANTIATE_TEST_SUITE_P(Registry, EveryNetwork, testing::ValuesIn(distinct_networks()),
                         [](const auto& info) { return info.param; });

TEST(Registry, ListsEveryNetwork) {
  EXPECT_THAT(network_names(), testing::IsSupersetOf(distinct_networks()));
  EXPECT_THAT(network_names(), testing::IsSupersetOf({"vgg", "resnet", "wide_resnet", "densenet", "fcn"}));
}

TEST(Registry, DrawsTheSameBitsFromTheSameSeedAndOthersFromAnother) {
  const auto hash = [](uint64_t seed) {
    return Arena::adopt(*make_network("resnet20", kColour, 10, generator(seed))).hash();
  };
  EXPECT_EQ(hash(1), hash(1));
  EXPECT_NE(hash(1), hash(2));
}

TEST(Registry, HasThePublishedNumbersOfWeights) {
  const auto count = [](const char* name, int64_t classes) {
    return weights(*make_network(name, kColour, classes, generator()));
  };
  EXPECT_EQ(count("cnn", 100), 864 + 32 + 18432 + 64 + 524288 + 128 + 12800 + 100);
  EXPECT_EQ(count("alexnet", 10), 2472266);
  EXPECT_EQ(count("resnet20", 10), 272474);
  EXPECT_EQ(count("resnet50", 10), 23520842);
  EXPECT_EQ(count("densenet40_12", 10), 1019722);
  EXPECT_EQ(count("vgg16", 10), 14714688 + 8448 + 2 * (512 * 512 + 512) + 5130);
}

TEST(Registry, HasAsManyBlocksAsTheMultiExitNetworksCount) {
  const auto blocks = [](const char* name, ExampleShape shape) {
    return std::dynamic_pointer_cast<StagedNetwork>(make_network(name, shape, 10, generator()))->blocks->size();
  };
  EXPECT_EQ(blocks("vgg16", kColour), 13u);
  EXPECT_EQ(blocks("resnet56", kColour), 27u);
  EXPECT_EQ(blocks("resnet50", kColour), 16u);
  EXPECT_EQ(blocks("wide_resnet32_4", kColour), 15u);
  EXPECT_EQ(blocks("mobilenet", kColour), 13u);
  EXPECT_EQ(blocks("fcn18_1", kTable), 5u);
}

TEST(Registry, NamesTheNearestNetworkForAnUnknownOne) {
  EXPECT_THAT(error_of("vgg-16", kColour), testing::HasSubstr("got 'vgg-16'; the nearest is 'vgg16'"));
  EXPECT_THAT(error_of("", kColour), testing::HasSubstr("expected one of cnn, alexnet"));
}

TEST(Registry, RefusesShapesAndClassesThatMakeNoNetwork) {
  EXPECT_EQ(error_of("cnn", {3, 27, 32}), "network cnn: expected images of at least 28x28, got examples of 3x27x32");
  EXPECT_THAT(error_of("fcn", {0, 1, 1}), testing::HasSubstr("at least one feature"));
  EXPECT_EQ(error_of("cnn", kColour, 1), "network cnn: expected at least 2 classes, got 1");
}

TEST(StagedNetwork, RunByItsPartsGivesItsForwardAndKeepsChannelsLast) {
  const torch::NoGradGuard no_grad;
  for (const char* name : {"vgg16", "resnet20", "densenet40_12"}) {
    for (const ExampleShape shape : {kColour, kGrey}) {
      const auto network = std::dynamic_pointer_cast<StagedNetwork>(make_network(name, shape, 10, generator()));
      network->eval();
      const torch::Tensor images = examples(shape);
      torch::Tensor features = network->enter(images);
      for (auto& block : *network->blocks) features = block.forward(features);
      if (features.size(2) > 1) {
        EXPECT_TRUE(features.is_contiguous(torch::MemoryFormat::ChannelsLast)) << name;
      }
      EXPECT_TRUE(torch::equal(network->head->forward(features), network->forward(images))) << name;
    }
  }
}

TEST(StagedNetwork, RefusesToTrainDropoutWithoutAGenerator) {
  const auto network = make_network("column_fc", kTable, 30, generator());
  network->train();
  EXPECT_THROW(network->forward(examples(kTable)), Error);
  network->eval();
  EXPECT_NO_THROW(network->forward(examples(kTable)));
}

TEST(StagedNetwork, DropsOthersWithAnotherGenerator) {
  const torch::NoGradGuard no_grad;
  const auto network = make_network("column_fc", kTable, 30, generator());
  network->train();
  const auto logits = [&](uint64_t seed) {
    network->set_generator(generator(seed));
    return network->forward(examples(kTable));
  };
  EXPECT_TRUE(torch::equal(logits(1), logits(1)));
  EXPECT_FALSE(torch::equal(logits(1), logits(2)));
}

}  // namespace
}  // namespace archleak::models
