// Networks that are restricted to a part of the cell space, and those whose filters a hypernetwork generates.
#include <gtest/gtest.h>

#include "core/arena.h"
#include "core/error.h"
#include "core/torch_random.h"
#include "nas/architect.h"
#include "nas/choice.h"
#include "nas/supernet.h"

namespace archleak::nas {
namespace {

constexpr ExampleShape kShape{1, 12, 12};

SpaceOptions deep(int64_t layers) {
  return {.channels = 4, .layers = layers, .steps = 2, .multiplier = 2, .stem_multiplier = 2};
}

std::shared_ptr<SearchNetwork> network(const SpaceOptions& options, uint64_t seed = 1) {
  torch::set_num_threads(1);
  return make_search_network(options, kShape, 10, make_torch_generator({.seed = seed, .purpose = "weights"}));
}

Arena adopt(SearchNetwork& network) {
  return Arena::adopt(network, [&](const auto& name) { return network.is_alpha(name); });
}

Batch images(int64_t size = 6) {
  const auto generator = make_torch_generator({.seed = 5, .purpose = "images"});
  return {torch::randn({size, kShape.channels, kShape.height, kShape.width}, generator), torch::arange(size) % 10};
}

double distance(const torch::Tensor& a, const torch::Tensor& b) {
  return ((a - b).norm() / b.norm()).item<double>();
}

/// Copies parameters and buffers by name, where cells of `to` are called by `cells` in `from`.
void copy(SearchNetwork& from, SearchNetwork& to, const std::vector<int64_t>& cells) {
  const torch::NoGradGuard no_grad;
  const auto source_of = [&](std::string name) {
    for (size_t i = 0; i < cells.size(); ++i) {
      const std::string prefix = "cells." + std::to_string(i) + ".";
      if (name.starts_with(prefix)) return "cells." + std::to_string(cells[i]) + "." + name.substr(prefix.size());
    }
    return name;
  };
  const auto parameters = from.named_parameters();
  for (auto& to_parameter : to.named_parameters()) {
    to_parameter.value().copy_(parameters[source_of(to_parameter.key())]);
  }
}

TEST(SubSpace, AShallowerPartIsTheShallowerNetworkWithTheFirstCellsOfEachResolution) {
  const auto whole = network(deep(8));    // N N R N N R N N
  const auto part = network(deep(5), 2);  // N R N R N
  copy(*whole, *part, {0, 2, 3, 5, 6});
  whole->restrict({.layers = 5});
  const Batch batch = images();
  EXPECT_LT(distance(whole->forward(batch.images), part->forward(batch.images)), 1e-6);
  whole->restrict({});
  EXPECT_GT(distance(whole->forward(batch.images), part->forward(batch.images)), 1e-3);
}

TEST(SubSpace, OnlyNetworksThatNestAreParts) {
  const auto small = network(deep(4));
  for (const int64_t layers : {2, 3, 4}) EXPECT_NO_THROW(small->restrict({.layers = layers}));
  const auto large = network(deep(11));
  for (const int64_t layers : {5, 8, 11}) EXPECT_NO_THROW(large->restrict({.layers = layers}));
  EXPECT_THROW(large->restrict({.layers = 4}), Error);
  EXPECT_THROW(large->restrict({.layers = 12}), Error);
  SpaceOptions wide_stem = deep(4);
  wide_stem.stem_multiplier = 3;
  EXPECT_THROW(network(wide_stem)->restrict({.layers = 2}), Error);
  EXPECT_THROW(small->restrict({.kept = {1, 2}}), Error);
  EXPECT_THROW(small->restrict({.kept = std::vector<OperationSet>(10, 0)}), Error);
  EXPECT_THROW(small->restrict({.skip_dropout = 1}), Error);
}

/// Another set for each edge, none of them all.
std::vector<OperationSet> some_operations() {
  return {0b00111001, 0b10000010, 0b01011001, 0b11110000, 0b00001100,
          0b00010110, 0b00101001, 0b01100001, 0b10010001, 0b11};
}

TEST(SubSpace, DroppedOperationsHaveNoWeightAndTheOthersShareTheirs) {
  const auto part = network(deep(4));
  const Arena arena = adopt(*part);
  arena.segment(Segment::alpha).normal_(0, 1, make_torch_generator({.purpose = "alpha"}));
  const auto before = torch::cat(part->probabilities());
  part->restrict({.kept = some_operations()});
  const auto after = torch::cat(part->probabilities());
  for (int64_t row = 0; row < after.size(0); ++row) {
    double left = 0;
    for (int64_t i = 0; i < kOperations; ++i) {
      if (has_operation(some_operations()[row], i)) left += before[row][i].item<double>();
    }
    for (int64_t i = 0; i < kOperations; ++i) {
      const bool kept = has_operation(some_operations()[row], i);
      EXPECT_NEAR(after[row][i].item<double>(), kept ? before[row][i].item<double>() / left : 0, 1e-6);
    }
  }
}

TEST(SubSpace, GivesWhatTheWholeMixtureGivesWhenDroppedOperationsHaveNoProbability) {
  const auto part = network(deep(4));
  const Arena arena = adopt(*part);
  const Batch batch = images();
  part->restrict({.kept = some_operations()});
  const torch::Tensor restricted = part->forward(batch.images).detach();
  part->restrict({});
  {
    const torch::NoGradGuard no_grad;
    int64_t row = 0;
    for (torch::Tensor alpha : part->alphas()) {
      for (int64_t edge = 0; edge < alpha.size(0); ++edge, ++row) {
        for (int64_t i = 0; i < kOperations; ++i) {
          if (!has_operation(some_operations()[row], i)) alpha[edge][i] = -1e4;
        }
      }
    }
  }
  EXPECT_LT(distance(part->forward(batch.images).detach(), restricted), 1e-5);
}

TEST(SubSpace, DroppedOperationsAndCellsAreNotComputedAndGetNoGradient) {
  const auto part = network(deep(4));
  Arena arena = adopt(*part);
  part->restrict({.layers = 3, .kept = some_operations()});
  const torch::Tensor before = arena.segment(Segment::buffers).clone();
  weight_gradient(*part, arena, images(), /*with_alpha=*/true);
  int64_t absent = 0;
  for (const auto& entry : arena.layout().entries) {
    if (entry.segment == Segment::buffers) {
      // Running statistics move where something was computed.
      if (entry.name.ends_with("num_batches_tracked")) {
        EXPECT_EQ(arena.view(entry).item<float>(), part->has(entry.name) ? 1 : 0) << entry.name;
      }
      continue;
    }
    const torch::Tensor gradient = arena.gradients().slice(0, entry.offset, entry.offset + entry.size);
    if (entry.segment == Segment::weights) {
      EXPECT_EQ(gradient.abs().max().item<float>() > 0, part->has(entry.name)) << entry.name;
      absent += !part->has(entry.name);
      continue;
    }
    const int64_t first = entry.name == "alphas_normal" ? 0 : 5;
    for (int64_t edge = 0; edge < 5; ++edge) {
      for (int64_t i = 0; i < kOperations; ++i) {
        if (has_operation(some_operations()[first + edge], i)) continue;
        EXPECT_EQ(gradient[edge * kOperations + i].item<float>(), 0) << entry.name << edge << i;
      }
    }
  }
  EXPECT_GT(absent, 50);
}

TEST(SubSpace, DropoutOnSkipConnectsIsDrawnFromTheNetworksGeneratorInTrainingAlone) {
  const auto part = network(deep(4));
  const Batch batch = images();
  part->restrict({.skip_dropout = 0.5});
  const auto forward = [&](uint64_t seed) {
    part->set_generator(make_torch_generator({.seed = seed, .purpose = "dropout"}));
    return part->forward(batch.images).detach();
  };
  EXPECT_TRUE(forward(1).equal(forward(1)));
  EXPECT_FALSE(forward(1).equal(forward(2)));
  // Without the skip-connect there is nothing to drop.
  part->restrict({.kept = std::vector<OperationSet>(10, 0b11110111), .skip_dropout = 0.5});
  EXPECT_TRUE(forward(1).equal(forward(2)));
  part->restrict({.skip_dropout = 0.5});
  part->eval();
  EXPECT_TRUE(forward(1).equal(forward(2)));
}

TEST(SubSpace, DrawingAnewGivesTheFirstWeightsAndForgetsStatistics) {
  const auto fresh = network(deep(3)), used = network(deep(3), 7);
  Arena arena = adopt(*used);
  weight_gradient(*used, arena, images());
  used->draw(make_torch_generator({.seed = 1, .purpose = "weights"}));
  EXPECT_EQ(arena.hash(), adopt(*fresh).hash());
}

SpaceOptions generated() {
  SpaceOptions options = deep(4);
  options.hypernetwork = 8;
  return options;
}

Choice some_choice(uint64_t seed = 3) {
  RandomEngine engine = make_engine({.seed = seed, .purpose = "choice"});
  return choice_of(random_genotype(2, engine), 2);
}

TEST(Hypernetwork, TheGeneratedNetworkIsAPlainOneWithTheGeneratedFilters) {
  const auto smash = network(generated());
  const auto plain = network(deep(4), 2);
  smash->eval();
  plain->eval();
  smash->select(some_choice());
  plain->select(some_choice());
  const Batch batch = images();
  const torch::Tensor expected = smash->forward(batch.images).detach();  // also makes the code
  const torch::NoGradGuard no_grad;
  const auto modules = smash->named_modules();
  for (auto& parameter : plain->named_parameters()) {
    if (plain->is_alpha(parameter.key())) continue;
    const auto module = modules[parameter.key().substr(0, parameter.key().rfind('.'))];
    const auto filter = std::dynamic_pointer_cast<GeneratedFilter>(module);
    parameter.value().copy_(filter ? filter->value().view_as(parameter.value())
                                   : smash->named_parameters()[parameter.key()]);
    if (!filter) continue;
    const torch::Tensor lengths = parameter.value().flatten(1).norm(2, 1);
    EXPECT_TRUE(torch::allclose(lengths, torch::ones_like(lengths), 1e-4)) << parameter.key();
  }
  EXPECT_LT(distance(plain->forward(batch.images), expected), 1e-6);
}

TEST(Hypernetwork, FiltersDependOnTheSubNetworkAndOnNoiseInTraining) {
  const auto smash = network(generated());
  const Batch batch = images();
  std::vector<torch::Tensor> codes;
  const auto forward = [&](uint64_t seed) {
    smash->set_generator(make_torch_generator({.seed = seed, .purpose = "z"}));
    return smash->forward(batch.images).detach();
  };
  smash->select(some_choice());
  EXPECT_TRUE(forward(1).equal(forward(1)));
  EXPECT_FALSE(forward(1).equal(forward(2)));
  smash->eval();
  EXPECT_TRUE(forward(1).equal(forward(2)));
}

TEST(Hypernetwork, HasNoAlphaAndItsWeightsGetGradientsThroughTheFilters) {
  const auto smash = network(generated());
  smash->set_generator(make_torch_generator({.purpose = "z"}));
  Arena arena = adopt(*smash);
  EXPECT_EQ(arena.layout().alpha, 0);
  EXPECT_TRUE(smash->alphas().empty());
  Choice convolutions(10, kNone);
  for (const int64_t edge : {0, 1, 2, 4, 5, 6, 7, 9}) convolutions[edge] = kSeparable3;
  smash->select(convolutions);
  weight_gradient(*smash, arena, images());
  for (const auto& entry : arena.layout().entries) {
    if (entry.segment != Segment::weights) continue;
    const torch::Tensor gradient = arena.gradients().slice(0, entry.offset, entry.offset + entry.size);
    EXPECT_EQ(gradient.abs().max().item<float>() > 0, smash->has(entry.name)) << entry.name;
  }
}

TEST(Hypernetwork, FiltersByExampleAreThoseOfTheBatchWithTheSameGradient) {
  SpaceOptions options = generated();
  const auto whole = network(options);
  options.generate_by_example = true;
  const auto by_example = network(options);
  const Batch batch = images();
  std::vector<torch::Tensor> logits, gradients;
  for (const auto& smash : {whole, by_example}) {
    Arena arena = adopt(*smash);
    smash->eval();
    smash->set_generator(make_torch_generator({.purpose = "z"}));
    smash->select(some_choice());
    logits.push_back(smash->forward(batch.images).detach());
    smash->train();
    weight_gradient(*smash, arena, batch);
    gradients.push_back(arena.gradients().clone());
  }
  EXPECT_TRUE(logits[1].equal(logits[0])) << "evaluation has no use for gradients by example";
  EXPECT_LT(distance(gradients[1], gradients[0]), 1e-4);
}

TEST(Hypernetwork, HasNoMixture) {
  EXPECT_THROW(network(generated())->forward(images().images), Error);
}

}  // namespace
}  // namespace archleak::nas
