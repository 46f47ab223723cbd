#include "nas/choice.h"

#include <gmock/gmock.h>

#include <set>

#include "core/error.h"

namespace archleak::nas {
namespace {

using testing::ElementsAre;

const Genotype kGenotype{.normal = {{"sep_conv_3x3", 1}, {"max_pool_3x3", 0}, {"skip_connect", 2}, {"dil_conv_5x5", 0}},
                         .normal_concat = {3},
                         .reduce = {{"avg_pool_3x3", 0}, {"sep_conv_5x5", 1}, {"dil_conv_3x3", 1}, {"skip_connect", 2}},
                         .reduce_concat = {3}};

TEST(Choice, HasAnOperationForEachEdgeThatAGenotypeTakesAndNoneForOthers) {
  EXPECT_THAT(choice_of(kGenotype, 2), ElementsAre(1, 4, 7, 0, 3, 2, 5, 0, 6, 3));
}

TEST(Choice, GivesBackTheGenotypeWithEdgesInTheOrderOfTheirStates) {
  Genotype sorted = kGenotype;
  std::swap(sorted.normal[0], sorted.normal[1]);
  std::swap(sorted.normal[2], sorted.normal[3]);
  EXPECT_EQ(genotype_of(choice_of(kGenotype, 2), 2, 1), sorted);
}

TEST(Choice, OfRandomGenotypesAndBackIsTheSameChoice) {
  RandomEngine engine = make_engine({.seed = 3, .purpose = "genotypes"});
  for (int i = 0; i < 50; ++i) {
    const Choice choice = choice_of(random_genotype(4, engine), 4);
    EXPECT_EQ(choice_of(genotype_of(choice, 4, 4), 4), choice);
  }
}

TEST(Choice, RefusesWhatASearchedCellCannotBe) {
  Genotype twice = kGenotype;
  twice.normal[1].from = 1;
  EXPECT_THROW(choice_of(twice, 2), DataError);
  EXPECT_THROW(choice_of(kGenotype, 3), DataError);
  EXPECT_THROW(genotype_of({1, 4, 7, 0, 0, 2, 5, 0, 6, 3}, 2, 1), DataError) << "one edge into a node";
  EXPECT_THROW(genotype_of({1, 4, 7}, 2, 1), DataError);
}

TEST(Choice, IsABytePerEdgeInAnInstruction) {
  const std::vector<Choice> choices{{0, 7, 3}, {4, 4, 0}};
  EXPECT_EQ(decode_choice(encode_choice(choices[0])), choices[0]);
  EXPECT_EQ(decode_choice({}), Choice{});
  EXPECT_EQ(decode_choices(encode_choices(choices)), choices);
  const std::string bytes = encode_choices(choices);
  for (size_t length = 0; length < bytes.size(); ++length) {
    if (length == bytes.size() - 3) continue;  // one whole choice
    EXPECT_THROW(decode_choices(bytes.substr(0, length)), DataError) << length;
  }
  EXPECT_THROW(decode_choices(encode_choices({})), DataError);
}

TEST(Choice, PerturbedDiffersInOneEdgeAndEveryNeighbourComesUp) {
  const Choice choice = choice_of(kGenotype, 2);
  RandomEngine engine = make_engine({.seed = 1, .purpose = "perturbation"});
  std::set<Choice> seen;
  for (int i = 0; i < 3000; ++i) seen.insert(perturbed(choice, 2, engine));
  // Eight edges have six other operations each, and the four of the second nodes one free state.
  EXPECT_EQ(seen.size(), 8u * 6 + 4);
  EXPECT_FALSE(seen.contains(choice));
  for (const Choice& changed : seen) EXPECT_NO_THROW(genotype_of(changed, 2, 2));
}

}  // namespace
}  // namespace archleak::nas
