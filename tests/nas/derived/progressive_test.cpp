#include "nas/progressive.h"

#include <gmock/gmock.h>

#include <cmath>

#include "core/error.h"

namespace archleak::nas {
namespace {

using testing::ElementsAre;
using Rows = std::vector<std::vector<double>>;

constexpr size_t kSkip = 3;

TEST(Progressive, StagesShareTheRoundsInEqualParts) {
  std::vector<int64_t> stages;
  for (int64_t round = 0; round < 8; ++round) stages.push_back(stage_of(round, 8, 3));
  EXPECT_THAT(stages, ElementsAre(0, 0, 1, 1, 1, 2, 2, 2));
  for (int64_t stage = 0; stage < 3; ++stage) {
    EXPECT_EQ(stage_of(first_round_of(stage, 8, 3), 8, 3), stage);
  }
  EXPECT_EQ(first_round_of(3, 8, 3), 8);
  EXPECT_EQ(stage_of(0, 1, 3), 2) << "with fewer rounds than stages the last ones have them";
}

TEST(Progressive, AlphaMovesOnceItsStagesFirstRoundsAreOver) {
  std::vector<int64_t> moving;
  for (int64_t round = 10; round < 15; ++round) {
    if (alpha_moves(round, 10, 2)) moving.push_back(round);
  }
  EXPECT_THAT(moving, ElementsAre(12, 13, 14));
  EXPECT_TRUE(alpha_moves(0, 0, 0));
}

TEST(Progressive, DropoutFallsLinearlyWhileWeightsAreTrainedAloneAndThenExponentially) {
  const Stage stage{.first_round = 10, .rounds = 5, .space = {.skip_dropout = 0.4}};
  EXPECT_DOUBLE_EQ(skip_dropout_at(stage, 10, 2), 0.4 * 4 / 5);
  EXPECT_DOUBLE_EQ(skip_dropout_at(stage, 11, 2), 0.4 * 3 / 5);
  EXPECT_DOUBLE_EQ(skip_dropout_at(stage, 12, 2), 0.4);
  EXPECT_DOUBLE_EQ(skip_dropout_at(stage, 14, 2), 0.4 * std::exp(-0.4));
}

TEST(Progressive, AnEdgeKeepsItsStrongestOperationsOfThoseThatItHas) {
  const Rows p{{0.30, 0.05, 0.10, 0.20, 0.05, 0.25, 0.03, 0.02},
               {0.125, 0.125, 0.125, 0.125, 0.125, 0.125, 0.125, 0.125}};
  EXPECT_THAT(keep_strongest(p, {kAllOperations, kAllOperations}, 3), ElementsAre(0b00101001, 0b00000111));
  // Operation 0 of the first row is gone already; "none" may stay.
  EXPECT_THAT(keep_strongest(p, {0b11111110, 0b11110001}, 2), ElementsAre(0b00101000, 0b00010001));
  EXPECT_THAT(keep_strongest(p, {0b11000000, 0b00000001}, 4), ElementsAre(0b11000000, 0b00000001));
  EXPECT_THROW(keep_strongest(p, {kAllOperations}, 3), DataError);
  EXPECT_THROW(keep_strongest({{0.5, 0.5}}, {kAllOperations}, 1), DataError);
}

/// Two nodes; every edge prefers the skip-connect, ever less, and then operation 4.
Rows skipping() {
  Rows rows;
  for (int edge = 0; edge < 5; ++edge) {
    std::vector<double> row(8, 0.01);
    row[kSkip] = 0.8 - 0.05 * edge;
    row[4] = 0.1;
    rows.push_back(row);
  }
  return rows;
}

int64_t skips(const std::vector<Genotype::Edge>& edges) {
  return std::count_if(edges.begin(), edges.end(), [](const auto& edge) { return edge.operation == "skip_connect"; });
}

TEST(Progressive, TheNormalCellHasAtMostSoManySkipsAndTheStrongestStay) {
  const auto all = derive_with_few_skips(skipping(), skipping(), 2, 2, 4);
  EXPECT_EQ(skips(all.normal), 4);
  EXPECT_EQ(all, derive(skipping(), skipping(), 2, 2));

  const auto few = derive_with_few_skips(skipping(), skipping(), 2, 2, 2);
  // Edges 0 and 1 belong to the first node, 2, 3 and 4 to the second: the skips of 3 and then of 4 and 2 fall.
  EXPECT_THAT(few.normal, ElementsAre(Genotype::Edge{"skip_connect", 0}, Genotype::Edge{"skip_connect", 1},
                                      Genotype::Edge{"sep_conv_3x3", 0}, Genotype::Edge{"sep_conv_3x3", 1}));
  EXPECT_EQ(skips(few.reduce), 4) << "of the reduction cell nothing is asked";
  EXPECT_EQ(skips(derive_with_few_skips(skipping(), skipping(), 2, 2, 0).normal), 0);
}

std::string error_of(const std::string& text) {
  try {
    Config config = Config::parse(text, "run.toml");
    ProgressiveOptions options;
    describe(config.section("pdarts"), options);
  } catch (const ConfigError& error) {
    return error.what();
  }
  return "no error";
}

TEST(Progressive, StagesMustGrowAndLoseOperations) {
  using testing::HasSubstr;
  EXPECT_EQ(error_of(""), "no error");
  EXPECT_THAT(error_of("[pdarts]\nlayers = [2, 3]\n"), HasSubstr("as many stages"));
  EXPECT_THAT(error_of("[pdarts]\nlayers = [4, 3, 4]\n"), HasSubstr("fewer cells"));
  EXPECT_THAT(error_of("[pdarts]\noperations = [5, 8, 3]\n"), HasSubstr("more operations"));
  EXPECT_THAT(error_of("[pdarts]\noperations = [8, 5, 1]\n"), HasSubstr("operations"));
  EXPECT_THAT(error_of("[pdarts]\nlayers = []\noperations = []\nskip_dropout = []\n"), HasSubstr("at least one stage"));
}

}  // namespace
}  // namespace archleak::nas
