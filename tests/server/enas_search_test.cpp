#include "server/enas_search.h"

#include <gmock/gmock.h>

#include <algorithm>

#include "core/error.h"
#include "nas/operations.h"
#include "tests/server/federation.h"
#include "tests/support/paths.h"

namespace archleak::server {
namespace {

constexpr int64_t kSteps = 2;
const std::vector<int64_t> kClients{0, 1, 2, 3};

EnasSearch search(const nas::EnasOptions& options = {}, int64_t rounds = 3) {
  torch::set_num_threads(1);
  return EnasSearch(options, kSteps, kSteps, /*seed=*/1, rounds);
}

/// Of 100 examples each, as many right as a sub-network has separable convolutions 3x3, ten each.
std::vector<Answer> answers_to(const std::vector<Question>& questions) {
  std::vector<Answer> answers;
  for (const auto& question : questions) {
    Answer& answer = answers.emplace_back(Answer{.client = question.client, .examples = 100, .correct = {}});
    for (const auto& candidate : question.candidates) {
      answer.correct.push_back(10.0 * std::count(candidate.begin(), candidate.end(), int64_t{nas::kSeparable3}));
    }
  }
  return answers;
}

/// How many separable convolutions 3x3 the clients' next sub-networks have in the mean.
double expected_reward(const EnasSearch& search) {
  double sum = 0;
  for (int64_t client = 0; client < 200; ++client) {
    const auto choice = search.sub_network(99, client);
    sum += static_cast<double>(std::count(choice.begin(), choice.end(), int64_t{nas::kSeparable3}));
  }
  return sum / 200;
}

TEST(EnasSearch, AsksEachClientForOtherSubNetworksAtEachStepAndForTheSameInTheEnd) {
  EnasSearch enas = search({.controller_steps = 2, .samples = 3, .candidates = 5}, /*rounds=*/2);
  std::vector<size_t> asked;
  for (int64_t round = 0; round < 2; ++round) {
    for (auto questions = enas.ask(round, kClients); !questions.empty(); questions = enas.ask(round, kClients)) {
      ASSERT_EQ(questions.size(), kClients.size());
      asked.push_back(questions[0].candidates.size());
      EXPECT_EQ(questions[0].candidates == questions[1].candidates, asked.back() == 5);
      enas.hear(round, answers_to(questions));
    }
  }
  EXPECT_THAT(asked, testing::ElementsAre(3, 3, 3, 3, 5));
}

TEST(EnasSearch, LearnsToDrawWhatIsRewarded) {
  EnasSearch enas = search({.controller_lr = 0.05, .controller_steps = 25, .samples = 3});
  const double before = expected_reward(enas);
  for (auto questions = enas.ask(0, kClients); !questions.empty(); questions = enas.ask(0, kClients)) {
    enas.hear(0, answers_to(questions));
  }
  // Of eight operations, of which logits within 1.10 / 2.5 let each be the rewarded one with at most 0.376.
  EXPECT_NEAR(before, 8.0 / 5, 0.3);
  EXPECT_GT(expected_reward(enas), before + 0.8);
  const auto likeliest = nas::decode_choice(enas.evaluated());
  EXPECT_GT(std::count(likeliest.begin(), likeliest.end(), int64_t{nas::kSeparable3}), 4);
}

TEST(EnasSearch, TheResultIsTheCandidateThatMostExamplesOfAllClientsSpeakFor) {
  EnasSearch enas = search({.controller_steps = 1, .candidates = 3}, /*rounds=*/1);
  enas.hear(0, answers_to(enas.ask(0, kClients)));
  const auto questions = enas.ask(0, kClients);
  std::vector<Answer> answers;
  // The second is the best of most clients, the third classifies more examples right.
  for (const int64_t client : kClients) {
    answers.push_back({.client = client, .examples = 10, .correct = {1, 4, client == 0 ? 0.0 : 3.0}});
  }
  answers[0].examples = 100;
  answers[0].correct[2] = 90;
  const auto event = enas.hear(0, answers);
  ASSERT_TRUE(event);
  EXPECT_EQ(event->kind, "ranked");
  EXPECT_NEAR(event->fields["accuracy"].get<double>(), 99.0 / 130, 1e-12);
  EXPECT_TRUE(enas.ask(0, kClients).empty());
  EXPECT_EQ(*enas.genotype(), nas::genotype_of(questions[0].candidates[2], kSteps, kSteps));
}

TEST(EnasSearch, WithoutAnAnswerThereIsNoResult) {
  EnasSearch enas = search({.controller_steps = 1}, /*rounds=*/1);
  enas.ask(0, kClients);
  EXPECT_FALSE(enas.hear(0, {}));
  enas.ask(0, kClients);
  EXPECT_THROW(enas.hear(0, {}), Error);
}

TEST(EnasSearch, ContinuesFromItsBytes) {
  EnasSearch whole = search(), continued = search();
  whole.hear(0, answers_to(whole.ask(0, kClients)));
  continued.load(whole.save());
  EXPECT_EQ(continued.sub_network(1, 2), whole.sub_network(1, 2));
  EXPECT_EQ(continued.evaluated(), whole.evaluated());
  EXPECT_THROW(continued.load("nothing of the kind"), CheckpointError);
}

}  // namespace
}  // namespace archleak::server

namespace archleak {
namespace {

using test::Federation;

Federation enas_federation() {
  Federation federation;
  federation.protocol.protocol = Protocol::server_alpha;
  federation.strategy = std::make_shared<server::EnasSearch>(
      nas::EnasOptions{.controller_steps = 2, .samples = 2, .candidates = 4}, 2, 2, 9, federation.options.rounds);
  return federation;
}

TEST(EnasFederation, ComesToTheSameArchitectureForAnyNumberOfWorkersAndAfterAStop) {
  const auto result_of = [](Federation federation) {
    const auto result = federation.run();
    return nas::to_json(*federation.strategy->genotype()) + result.end.model_hash;
  };
  const std::string expected = result_of(enas_federation());
  Federation many = enas_federation();
  many.workers = 3;
  many.protocol.fidelity = Fidelity::fused;
  EXPECT_EQ(result_of(many), expected);

  const test::TemporaryFolder folder;
  Federation stopped = enas_federation();
  stopped.checkpoints = folder.path();
  stopped.stop_after = 1;
  stopped.run();
  Federation continued = enas_federation();
  continued.checkpoints = folder.path();
  EXPECT_EQ(result_of(continued), expected);
}

TEST(EnasFederation, SaysWhenItHasRankedItsCandidates) {
  EXPECT_THAT(enas_federation().run().events, testing::Contains("ranked"));
}

}  // namespace
}  // namespace archleak
