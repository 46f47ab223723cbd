#include "server/smash_search.h"

#include <gmock/gmock.h>

#include <algorithm>

#include "core/error.h"
#include "nas/operations.h"

namespace archleak::server {
namespace {

constexpr int64_t kSteps = 3;
const std::vector<int64_t> kClients{0, 1, 2};

SmashSearch search(const nas::SmashOptions& options = {}) {
  return SmashSearch(options, kSteps, kSteps, /*seed=*/1, /*rounds=*/2);
}

/// The more skip-connects a sub-network has, the better it does.
double skips(const nas::Choice& choice) {
  return static_cast<double>(std::count(choice.begin(), choice.end(), int64_t{nas::kSkip}));
}

std::vector<Answer> answers_to(const std::vector<Question>& questions) {
  std::vector<Answer> answers;
  for (const auto& question : questions) {
    Answer& answer = answers.emplace_back(Answer{.client = question.client, .examples = 20, .correct = {}});
    for (const auto& candidate : question.candidates) answer.correct.push_back(skips(candidate));
  }
  return answers;
}

nas::Choice standing(const SmashSearch& smash) {
  return std::get<nas::Choice>(nas::decode_instruction(smash.evaluated()));
}

TEST(SmashSearch, TellsClientsToDrawSubNetworksThemselves) {
  EXPECT_EQ(nas::decode_instruction(search().instruction(0, 3)), nas::Instruction(nas::RandomSubNetworks{kSteps}));
}

TEST(SmashSearch, RanksRandomSubNetworksAfterTheLastRoundThenNeighboursOfTheBest) {
  SmashSearch smash = search({.random = 30, .perturbed = 50});
  EXPECT_TRUE(smash.ask(0, kClients).empty());
  const auto random = smash.ask(1, kClients);
  ASSERT_EQ(random.size(), 3u);
  ASSERT_EQ(random[0].candidates.size(), 30u);
  EXPECT_EQ(random[0].candidates, random[2].candidates);
  smash.hear(1, answers_to(random));
  const nas::Choice best = standing(smash);
  double most = 0;
  for (const auto& candidate : random[0].candidates) most = std::max(most, skips(candidate));
  EXPECT_EQ(skips(best), most);

  const auto neighbours = smash.ask(1, kClients);
  ASSERT_EQ(neighbours[0].candidates.size(), 50u);
  for (const auto& neighbour : neighbours[0].candidates) {
    int64_t differing = 0;
    for (size_t edge = 0; edge < best.size(); ++edge) differing += neighbour[edge] != best[edge];
    EXPECT_TRUE(differing == 1 || differing == 2);
  }
  const auto event = smash.hear(1, answers_to(neighbours));
  EXPECT_EQ(skips(standing(smash)), most + 1);
  EXPECT_DOUBLE_EQ(event->fields["accuracy"].get<double>(), (most + 1) / 20);
  EXPECT_TRUE(smash.ask(1, kClients).empty());
  EXPECT_EQ(*smash.genotype(), nas::genotype_of(standing(smash), kSteps, kSteps));
}

TEST(SmashSearch, AWorseNeighbourDoesNotReplaceTheBest) {
  SmashSearch smash = search({.random = 5, .perturbed = 3});
  smash.hear(1, answers_to(smash.ask(1, kClients)));
  const nas::Choice best = standing(smash);
  auto answers = answers_to(smash.ask(1, kClients));
  for (auto& answer : answers) std::fill(answer.correct.begin(), answer.correct.end(), 0);
  smash.hear(1, answers);
  EXPECT_EQ(standing(smash), best);
}

TEST(SmashSearch, ARankingThatIsBrokenOffBeginsAgainAndOneThatIsDoneIsNotAskedForAgain) {
  SmashSearch whole = search(), broken = search();
  const std::string before = broken.save();
  broken.hear(1, answers_to(broken.ask(1, kClients)));
  broken.load(before);
  for (SmashSearch* smash : {&whole, &broken}) {
    for (auto questions = smash->ask(1, kClients); !questions.empty(); questions = smash->ask(1, kClients)) {
      smash->hear(1, answers_to(questions));
    }
  }
  EXPECT_EQ(standing(broken), standing(whole));
  SmashSearch continued = search();
  continued.load(whole.save());
  EXPECT_TRUE(continued.ask(1, kClients).empty());
  EXPECT_EQ(standing(continued), standing(whole));
  EXPECT_THROW(continued.load("nothing of the kind"), CheckpointError);
  EXPECT_THROW(SmashSearch({}, 2, 2, 1, 2).load(whole.save()), CheckpointError) << "of other cells";
}

TEST(SmashSearch, WithoutAnAnswerThereIsNoResult) {
  SmashSearch smash = search();
  smash.ask(1, kClients);
  EXPECT_THROW(smash.hear(1, {}), Error);
}

}  // namespace
}  // namespace archleak::server
