// What a search workload does with the instructions of search strategies (nas/instruction.h).
#include <gtest/gtest.h>

#include <cmath>

#include "core/error.h"
#include "tests/client/search_bench.h"

namespace archleak::client {
namespace {

using test::any_differs, test::SearchBench;

TEST(SearchInstruction, ASampledSubNetworkTrainsItsOwnWeightsAloneAndReportsAReward) {
  SearchBench bench;
  bench.run.protocol.protocol = Protocol::server_alpha;
  const auto workload = bench.make();
  const auto edges = static_cast<size_t>(bench.layout.alpha / 8);
  ClientOutcome outcome;
  const auto update = bench.train(
      *workload, {.round = 0, .client = 0, .instruction = nas::encode(nas::Choice(edges, 3)), .state = {}}, &outcome);
  for (const auto& entry : bench.layout.entries) {
    if (entry.segment != Segment::weights || entry.name.find("_ops.4.op") == std::string::npos) continue;
    for (int64_t i = 0; i < entry.size; ++i) ASSERT_EQ(update[entry.offset + i], 0) << entry.name;
  }
  const auto reward =
      std::find_if(outcome.figures.begin(), outcome.figures.end(), [](const Figure& f) { return f.name == "reward"; });
  ASSERT_NE(reward, outcome.figures.end());
  EXPECT_GE(reward->value, 0);
  EXPECT_LE(reward->value, 1);
}

TEST(SearchInstruction, NoRewardIsWorkedOutForWhoAsksForItInSurveys) {
  SearchBench bench;
  bench.run.protocol.protocol = Protocol::server_alpha;
  bench.run.rewards = false;
  const auto workload = bench.make();
  const nas::Choice choice(static_cast<size_t>(bench.layout.alpha / 8), 3);
  ClientOutcome outcome;
  bench.train(*workload, {.round = 0, .client = 0, .instruction = nas::encode(choice), .state = {}}, &outcome);
  for (const Figure& figure : outcome.figures) EXPECT_NE(figure.name, "reward");
}

TEST(SearchInstruction, ASurveyCountsTheValidationExamplesThatEachSubNetworkClassifiesRight) {
  const SearchBench bench;
  const auto workload = bench.make();
  const std::vector<nas::Choice> candidates{nas::Choice(10, 3), nas::Choice(10, 4), nas::Choice(10, 3)};
  const auto ask = [&] {
    workload->load(bench.message());
    return workload->survey({.round = 0, .client = 1, .instruction = nas::encode_choices(candidates), .state = {}});
  };
  const ClientOutcome outcome = ask();
  EXPECT_EQ(outcome.weight, 15);
  ASSERT_EQ(outcome.figures.size(), 3u);
  for (const Figure& figure : outcome.figures) {
    EXPECT_EQ(figure.name, "correct");
    EXPECT_EQ(figure.value, std::floor(figure.value));
    EXPECT_LE(figure.value, 15);
  }
  EXPECT_EQ(outcome.figures[0].value, outcome.figures[2].value);
  // The answer is about the loaded model, whatever was trained in between; and what is trained afterwards is the whole.
  const auto trained = bench.train(*workload, {.round = 0, .client = 0});
  EXPECT_EQ(trained, bench.train({.round = 0, .client = 0}));
  const ClientOutcome again = ask();
  for (size_t i = 0; i < 3; ++i) EXPECT_EQ(again.figures[i].value, outcome.figures[i].value);
}

TEST(SearchInstruction, UnderDpSgdASurveysCountsGetNoiseThatIsTheSameForTheSameQuestionAlone) {
  SearchBench bench;
  const auto counts = [&](double noise_multiplier, std::vector<nas::Choice> candidates, int64_t client = 1) {
    bench.run.dp_sgd = std::make_shared<const defenses::DpSgdPlan>(
        defenses::DpSgdPlan{.alpha = {.clip = 1, .noise_multiplier = noise_multiplier}});
    const auto workload = bench.make();
    workload->load(bench.message());
    std::vector<double> values;
    const std::string instruction = nas::encode_choices(candidates);
    for (const auto& figure :
         workload->survey({.round = 1, .client = client, .instruction = instruction, .state = {}}).figures) {
      values.push_back(figure.value);
    }
    return values;
  };
  const std::vector<nas::Choice> question(100, nas::Choice(10, 3));
  const auto plain = counts(0, question);
  const auto noisy = counts(0.1, question);
  double square = 0;
  for (size_t i = 0; i < question.size(); ++i) {
    EXPECT_GE(noisy[i], 0);
    EXPECT_LE(noisy[i], 15);
    square += std::pow(noisy[i] - plain[i], 2);
  }
  // 0.1 times the root of 100 counts, or less where a count is at its end.
  EXPECT_GT(std::sqrt(square / 100), 0.4);
  EXPECT_LT(std::sqrt(square / 100), 1.3);
  EXPECT_EQ(counts(0.1, question), noisy);
  auto another = question;
  another.back() = nas::Choice(10, 4);
  const auto other = counts(0.1, another);
  int equal = 0;
  for (size_t i = 0; i + 1 < question.size(); ++i) equal += other[i] == noisy[i] && noisy[i] > 0 && noisy[i] < 15;
  EXPECT_EQ(equal, 0);
}

TEST(SearchInstruction, RandomSubNetworksAreDrawnForEveryStepAndAlphaStays) {
  SearchBench bench;
  const std::string instruction = nas::encode(nas::RandomSubNetworks{2});
  const auto trained_after = [&](int64_t steps) {
    bench.training.max_steps = steps;
    bench.training.weight_decay = 0;
    const auto workload = bench.make();
    const auto update = bench.train(*workload, {.round = 0, .client = 0, .instruction = instruction, .state = {}});
    EXPECT_FALSE(any_differs(update, bench.initial, bench.layout.weights, bench.layout.alpha));
    int64_t trained = 0;
    for (const auto& entry : bench.layout.entries) {
      trained += entry.segment == Segment::weights && any_differs(update, bench.initial, entry.offset, entry.size);
    }
    return trained;
  };
  const int64_t once = trained_after(1);
  EXPECT_GT(once, 0);
  EXPECT_GT(trained_after(2), once);
}

TEST(SearchInstruction, AStageOfPDartsHasItsOwnSchedulesAndLeavesWhatItDoesNotHaveAsItIs) {
  SearchBench bench;
  bench.search.warmup_rounds = 1;
  const auto workload = bench.make();
  nas::Stage stage{.first_round = 2, .rounds = 2, .space = {.kept = std::vector<nas::OperationSet>(10, 0b00011001)}};
  const auto train = [&](int64_t round) {
    return bench.train(*workload, {.round = round, .client = 0, .instruction = nas::encode(stage), .state = {}});
  };
  const auto warm_up = train(2), search = train(3);
  EXPECT_FALSE(any_differs(warm_up, bench.initial, bench.layout.weights, bench.layout.alpha));
  EXPECT_TRUE(any_differs(search, bench.initial, bench.layout.weights, bench.layout.alpha));
  int64_t trained = 0;
  for (const auto& entry : bench.layout.entries) {
    if (entry.segment != Segment::weights || entry.name.find("._ops.") == std::string::npos) continue;
    const bool differs = any_differs(search, bench.initial, entry.offset, entry.size);
    const char operation = entry.name[entry.name.rfind("_ops.") + 5];
    const bool kept = operation == '3' || operation == '4';
    EXPECT_TRUE(kept || !differs) << entry.name;
    trained += differs;
  }
  EXPECT_GT(trained, 0);
  // The rate falls within the stage.
  stage.rounds = 1;
  const auto last = train(2);
  stage.rounds = 4;
  EXPECT_NE(train(3), search);
  EXPECT_EQ(last, warm_up) << "the first round of any stage has the full rate";
}

TEST(SearchInstruction, NoiseOfDpSgdStaysOffWhatAStageOfPDartsDoesNotHave) {
  SearchBench bench;
  bench.run.dp_sgd = std::make_shared<const defenses::DpSgdPlan>();
  const nas::Stage stage{.rounds = 2, .space = {.kept = std::vector<nas::OperationSet>(10, 0b00011001)}};
  for (const Protocol protocol : {Protocol::gradient, Protocol::weights}) {
    bench.run.protocol.protocol = protocol;
    const auto update = bench.train({.round = 0, .client = 0, .instruction = nas::encode(stage), .state = {}});
    const auto is_as_sent = [&](int64_t i) {
      return update[i] == (protocol == Protocol::gradient ? 0 : bench.initial[i]);
    };
    for (const auto& entry : bench.layout.entries) {
      if (entry.segment != Segment::weights) continue;
      const size_t place = entry.name.find("._ops.") == std::string::npos ? 0 : entry.name.rfind("_ops.") + 5;
      const bool kept = place == 0 || entry.name[place] == '3' || entry.name[place] == '4';
      for (int64_t i = entry.offset; i < entry.offset + entry.size; ++i) {
        ASSERT_NE(is_as_sent(i), kept) << entry.name << " " << i;
      }
    }
    for (int64_t i = 0; i < bench.layout.alpha; ++i) {
      const bool kept = nas::has_operation(0b00011001, i % 8);
      EXPECT_NE(is_as_sent(bench.layout.weights + i), kept) << "alpha " << i;
    }
  }
}

TEST(SearchInstruction, AnInstructionThatIsNoneIsRefused) {
  const SearchBench bench;
  const auto workload = bench.make();
  const ClientTask task{.round = 0, .client = 0, .instruction = "no such thing", .state = {}};
  EXPECT_THROW(bench.train(*workload, task), DataError);
  EXPECT_THROW(workload->survey(task), DataError);
}

}  // namespace
}  // namespace archleak::client
