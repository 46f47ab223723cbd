#include "server/progressive_search.h"

#include <gmock/gmock.h>

#include <cmath>

#include "core/arena.h"
#include "core/error.h"
#include "core/torch_random.h"
#include "nas/operations.h"

namespace archleak::server {
namespace {

/// A search of three stages in six rounds over the smallest network that has them.
struct Bench {
  std::shared_ptr<nas::SearchNetwork> network =
      nas::make_search_network({.channels = 2, .layers = 4, .steps = 2, .multiplier = 2, .stem_multiplier = 2},
                               {1, 8, 8}, 10, make_torch_generator({.seed = 1, .purpose = "initial weights"}));
  Arena arena = Arena::adopt(*network, [this](const std::string& name) { return network->is_alpha(name); });
  ProgressiveSearch search{{}, network, 2, 2, /*seed=*/1, /*rounds=*/6};

  /// Alpha that prefers later operations, less so on later edges.
  void prefer_later_operations() {
    const torch::NoGradGuard no_grad;
    for (torch::Tensor alpha : network->alphas()) {
      for (int64_t edge = 0; edge < alpha.size(0); ++edge) {
        for (int64_t i = 0; i < alpha.size(1); ++i) alpha[edge][i] = (1 - 0.1 * edge) * static_cast<double>(i);
      }
    }
  }
  nas::Stage stage() const { return std::get<nas::Stage>(nas::decode_instruction(search.instruction(0, 0))); }
};

TEST(ProgressiveSearch, EachStageKeepsTheStrongestOperationsInADeeperNetwork) {
  Bench bench;
  EXPECT_FALSE(bench.search.begin_round(0));
  EXPECT_EQ(bench.stage(), (nas::Stage{.first_round = 0,
                                       .rounds = 2,
                                       .space = {.layers = 2,
                                                 .kept = std::vector<nas::OperationSet>(10, nas::kAllOperations),
                                                 .skip_dropout = 0.1}}));
  EXPECT_FALSE(bench.search.begin_round(1));
  bench.prefer_later_operations();
  const auto event = bench.search.begin_round(2);
  ASSERT_TRUE(event);
  EXPECT_EQ(event->kind, "stage");
  EXPECT_EQ(event->fields["operations"][0],
            (nlohmann::ordered_json{"skip_connect", "sep_conv_3x3", "sep_conv_5x5", "dil_conv_3x3", "dil_conv_5x5"}));
  EXPECT_EQ(bench.stage(),
            (nas::Stage{
                .first_round = 2,
                .rounds = 2,
                .space = {.layers = 3, .kept = std::vector<nas::OperationSet>(10, 0b11111000), .skip_dropout = 0.4}}));
  EXPECT_FALSE(bench.search.begin_round(2)) << "a second time";
  bench.prefer_later_operations();
  EXPECT_TRUE(bench.search.begin_round(4));
  EXPECT_EQ(bench.stage().space.layers, 4);
  EXPECT_EQ(bench.stage().space.kept, std::vector<nas::OperationSet>(10, 0b11100000));
}

TEST(ProgressiveSearch, AStageStartsFromOtherWeightsAndFromAlphaThatIsZeroWhereAnOperationIsGone) {
  Bench bench;
  const torch::Tensor before = bench.arena.values().clone();
  bench.prefer_later_operations();
  bench.arena.segment(Segment::buffers).fill_(3);
  bench.search.begin_round(2);
  EXPECT_FALSE(bench.arena.segment(Segment::weights).equal(before.slice(0, 0, bench.arena.layout().weights)));
  EXPECT_TRUE(bench.arena.segment(Segment::buffers)
                  .equal(before.slice(0, bench.arena.layout().begin(Segment::buffers), before.size(0))));
  for (const auto& alpha : bench.network->alphas()) {
    EXPECT_EQ(alpha.slice(1, 0, 3).abs().max().item<float>(), 0);
    EXPECT_GT(alpha.slice(1, 3, 8).abs().min().item<float>(), 0);
    EXPECT_LT(alpha.abs().max().item<float>(), 0.01);
  }
}

TEST(ProgressiveSearch, EntropyIsThatOfTheOperationsThatAreLeft) {
  Bench bench;
  EXPECT_NEAR(*bench.search.entropy({}), std::log(8.0), 1e-4);
  bench.search.begin_round(2);
  EXPECT_NEAR(*bench.search.entropy({}), std::log(5.0), 1e-4);
}

TEST(ProgressiveSearch, TheGenotypeTakesOperationsThatAreLeftAndFewSkips) {
  Bench bench;
  bench.prefer_later_operations();
  bench.search.begin_round(2);
  bench.search.begin_round(4);
  {
    const torch::NoGradGuard no_grad;
    for (torch::Tensor alpha : bench.network->alphas()) alpha.slice(1, nas::kSkip, nas::kSkip + 1).fill_(5);
  }
  const auto genotype = *bench.search.genotype();
  int64_t skips = 0;
  for (const auto& edge : genotype.normal) skips += edge.operation == "skip_connect";
  EXPECT_LE(skips, 2);
  EXPECT_NO_THROW(nas::validate(genotype, "genotype"));
}

TEST(ProgressiveSearch, ContinuesFromItsBytes) {
  Bench whole, continued;
  whole.prefer_later_operations();
  whole.search.begin_round(2);
  continued.search.load(whole.search.save());
  continued.arena.values().copy_(whole.arena.values());
  EXPECT_EQ(continued.stage(), whole.stage());
  EXPECT_FALSE(continued.search.begin_round(2));
  for (Bench* bench : {&whole, &continued}) bench->search.begin_round(4);
  EXPECT_EQ(continued.stage(), whole.stage());
  EXPECT_EQ(continued.arena.hash(), whole.arena.hash());
  EXPECT_THROW(continued.search.load("nothing of the kind"), CheckpointError);
}

TEST(ProgressiveSearch, RefusesStagesThatAreNoPartOfTheNetwork) {
  const auto network = nas::make_search_network({.channels = 2, .layers = 4, .steps = 2, .multiplier = 2}, {1, 8, 8},
                                                10, make_torch_generator({.seed = 1, .purpose = "initial weights"}));
  EXPECT_THROW(ProgressiveSearch({}, network, 2, 2, 1, 6), ConfigError) << "stem_multiplier is not multiplier";
}

}  // namespace
}  // namespace archleak::server
