#include "client/search_workload.h"

#include <gtest/gtest.h>

#include "core/error.h"
#include "core/torch_random.h"
#include "data/digits.h"
#include "data/synthetic.h"
#include "models/batch_norm.h"

namespace archleak::client {
namespace {

/// A search over a few synthetic digits on the smallest supernet that has both kinds of cell.
struct Bench {
  RunSettings run{.seed = 3, .rounds = 4, .protocol = {.protocol = Protocol::weights}};
  LocalTrainingOptions training{.max_steps = 2, .batch_size = 8, .lr = 0.05};
  LocalSearchOptions search{.alpha_lr = 0.01};
  std::shared_ptr<TrainingData> data = std::make_shared<TrainingData>();

  Bench() {
    torch::set_num_threads(1);
    data->splits = data::draw_splits(data::digits(), 1, 60, 20);
    for (int64_t client = 0; client < 2; ++client) {
      std::vector<int64_t> indices;
      for (int64_t i = 0; i < 30; ++i) indices.push_back(client * 30 + i);
      data->partition.push_back(indices);
    }
  }

  std::unique_ptr<SearchWorkload> make() const {
    const auto network = nas::make_search_network({.channels = 2, .layers = 2, .steps = 2, .multiplier = 2},
                                                  data->splits.train.shape, 10, make_torch_generator({.seed = 1}));
    if (run.dp_sgd) models::use_group_norm(*network);
    Arena arena = Arena::adopt(*network, [&](const std::string& name) { return network->is_alpha(name); });
    layout = arena.layout();
    initial.assign(arena.floats().begin(), arena.floats().end());
    return std::make_unique<SearchWorkload>(network, std::move(arena), data, run, training, search,
                                            nas::ArchitectOptions{});
  }

  std::vector<float> message() const {
    std::vector<float> values = initial;
    if (run.protocol.protocol == Protocol::server_alpha) {
      values.erase(values.begin() + layout.weights, values.begin() + layout.weights + layout.alpha);
    }
    return values;
  }

  std::vector<float> train(SearchWorkload& workload, const ClientTask& task, ClientOutcome* outcome = nullptr) const {
    workload.load(message());
    std::vector<float> update(workload.update_size());
    const ClientOutcome result = workload.train(task, update);
    if (outcome) *outcome = result;
    return update;
  }

  std::vector<float> train(const ClientTask& task) const {
    const auto workload = make();
    return train(*workload, task);
  }

  mutable ArenaLayout layout;
  mutable std::vector<float> initial;
};

bool any_differs(const std::vector<float>& a, const std::vector<float>& b, int64_t begin, int64_t size) {
  return !std::equal(a.begin() + begin, a.begin() + begin + size, b.begin() + begin);
}

TEST(SearchWorkload, MovesWeightsAlphaAndStatistics) {
  const Bench bench;
  const auto update = bench.train({.round = 0, .client = 0});
  const auto& layout = bench.layout;
  EXPECT_TRUE(any_differs(update, bench.initial, 0, layout.weights));
  EXPECT_TRUE(any_differs(update, bench.initial, layout.weights, layout.alpha));
  EXPECT_TRUE(any_differs(update, bench.initial, layout.weights + layout.alpha, layout.buffers));
}

TEST(SearchWorkload, WhatAClientSendsDoesNotDependOnWhoTrainedBefore) {
  const Bench bench;
  const auto expected = bench.train({.round = 1, .client = 1});
  const auto workload = bench.make();
  bench.train(*workload, {.round = 1, .client = 0});
  workload->evaluate(0, 20, {});
  EXPECT_EQ(bench.train(*workload, {.round = 1, .client = 1}), expected);
}

TEST(SearchWorkload, DeltaIsWeightsMinusTheGlobalModel) {
  Bench bench;
  const auto values = bench.train({.round = 0, .client = 0});
  bench.run.protocol.protocol = Protocol::delta;
  const auto delta = bench.train({.round = 0, .client = 0});
  const int64_t trained = bench.layout.weights + bench.layout.alpha;
  for (int64_t i = 0; i < trained; ++i) ASSERT_EQ(delta[i], values[i] - bench.initial[i]) << i;
  for (int64_t i = trained; i < bench.layout.size(); ++i) ASSERT_EQ(delta[i], values[i]) << i;
}

TEST(SearchWorkload, GradientClippingBoundsTheWeightsGradientAndLeavesAlphaAlone) {
  Bench bench;
  bench.run.protocol.protocol = Protocol::gradient;
  bench.training.clip_norm = 0;
  const auto free = bench.train({.round = 0, .client = 0});
  bench.training.clip_norm = 0.01;
  const auto clipped = bench.train({.round = 0, .client = 0});
  const auto norm = [&](const std::vector<float>& update) {
    double sum = 0;
    for (int64_t i = 0; i < bench.layout.weights; ++i) sum += update[i] * update[i];
    return std::sqrt(sum);
  };
  EXPECT_GT(norm(free), 0.02);
  EXPECT_NEAR(norm(clipped), 0.01, 1e-5);
  EXPECT_FALSE(any_differs(free, clipped, bench.layout.weights, bench.layout.alpha));
}

TEST(SearchWorkload, WithheldWeightsLeaveAlphaGradientsAlone) {
  Bench bench;
  bench.run.protocol = {.protocol = Protocol::gradient, .withhold_weights = true};
  const auto update = bench.train({.round = 0, .client = 0});
  EXPECT_EQ(static_cast<int64_t>(update.size()), bench.layout.alpha);
  EXPECT_TRUE(std::any_of(update.begin(), update.end(), [](float value) { return value != 0; }));
}

TEST(SearchWorkload, WarmUpRoundsLeaveAlphaAsItIs) {
  Bench bench;
  bench.search.warmup_rounds = 2;
  EXPECT_FALSE(
      any_differs(bench.train({.round = 1, .client = 0}), bench.initial, bench.layout.weights, bench.layout.alpha));
  EXPECT_TRUE(
      any_differs(bench.train({.round = 2, .client = 0}), bench.initial, bench.layout.weights, bench.layout.alpha));
}

TEST(SearchWorkload, NeverSeesTestData) {
  Bench bench;
  const auto expected = bench.train({.round = 0, .client = 0});
  std::fill(bench.data->splits.test.pixels.begin(), bench.data->splits.test.pixels.end(), uint8_t{255});
  std::fill(bench.data->splits.test.labels.begin(), bench.data->splits.test.labels.end(), 0);
  EXPECT_EQ(bench.train({.round = 0, .client = 0}), expected);
}

TEST(SearchWorkload, TheValidationBatchMattersForAlphaAndChangesFromRoundToRound) {
  Bench bench;
  bench.run.protocol = {.protocol = Protocol::gradient, .withhold_weights = true};
  EXPECT_NE(bench.train({.round = 0, .client = 0}), bench.train({.round = 1, .client = 0}));
}

TEST(SearchWorkload, ASampledSubNetworkTrainsItsOwnWeightsAloneAndReportsAReward) {
  Bench bench;
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

TEST(SearchWorkload, NoRewardIsWorkedOutForWhoAsksForItInSurveys) {
  Bench bench;
  bench.run.protocol.protocol = Protocol::server_alpha;
  bench.run.rewards = false;
  const auto workload = bench.make();
  const nas::Choice choice(static_cast<size_t>(bench.layout.alpha / 8), 3);
  ClientOutcome outcome;
  bench.train(*workload, {.round = 0, .client = 0, .instruction = nas::encode(choice), .state = {}}, &outcome);
  for (const Figure& figure : outcome.figures) EXPECT_NE(figure.name, "reward");
}

TEST(SearchWorkload, ASurveyCountsTheValidationExamplesThatEachSubNetworkClassifiesRight) {
  const Bench bench;
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

TEST(SearchWorkload, UnderDpSgdASurveysCountsGetNoiseThatIsTheSameForTheSameQuestionAlone) {
  Bench bench;
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

TEST(SearchWorkload, RandomSubNetworksAreDrawnForEveryStepAndAlphaStays) {
  Bench bench;
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

TEST(SearchWorkload, AStageOfPDartsHasItsOwnSchedulesAndLeavesWhatItDoesNotHaveAsItIs) {
  Bench bench;
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

TEST(SearchWorkload, NoiseOfDpSgdStaysOffWhatAStageOfPDartsDoesNotHave) {
  Bench bench;
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

TEST(SearchWorkload, AnInstructionThatIsNoneIsRefused) {
  const Bench bench;
  const auto workload = bench.make();
  const ClientTask task{.round = 0, .client = 0, .instruction = "no such thing", .state = {}};
  EXPECT_THROW(bench.train(*workload, task), DataError);
  EXPECT_THROW(workload->survey(task), DataError);
}

TEST(SearchWorkload, CarriesItsOptimizersAndLocalStatisticsFromRoundToRound) {
  Bench bench;
  bench.training.carry_optimizer = true;
  bench.run.protocol.batch_norm = BatchNormPolicy::local;
  const auto workload = bench.make();
  bench.initial.resize(bench.layout.weights + bench.layout.alpha);  // statistics are not on the wire
  ClientOutcome first;
  bench.train(*workload, {.round = 0, .client = 0}, &first);
  EXPECT_FALSE(first.state.empty());
  const auto carried = bench.train(*workload, {.round = 1, .client = 0, .instruction = {}, .state = first.state});
  EXPECT_NE(carried, bench.train(*workload, {.round = 1, .client = 0}));
}

TEST(SearchWorkload, FedProxPullsTowardsTheGlobalModel) {
  Bench bench;
  bench.training.max_steps = 4;
  const auto distance = [&] {
    const auto update = bench.train({.round = 0, .client = 0});
    double sum = 0;
    for (int64_t i = 0; i < bench.layout.weights; ++i) sum += std::pow(update[i] - bench.initial[i], 2);
    return sum;
  };
  const double free = distance();
  bench.training.fedprox_mu = 20;
  EXPECT_LT(distance(), free);
}

defenses::UpdateDefense noise_on_alpha() {
  return defenses::UpdateDefense({.transforms = {defenses::Transform::noise}});
}

TEST(SearchWorkload, ADefenceChangesWhatItIsOnAndNothingElse) {
  Bench bench;
  for (const Protocol protocol : {Protocol::gradient, Protocol::delta, Protocol::weights}) {
    bench.run.protocol.protocol = protocol;
    bench.run.defense = {};
    const auto plain = bench.train({.round = 0, .client = 0});
    bench.run.defense = noise_on_alpha();
    const auto noisy = bench.train({.round = 0, .client = 0});
    EXPECT_FALSE(any_differs(plain, noisy, bench.layout.weights + bench.layout.alpha, bench.layout.buffers));
    double square = 0;
    for (int64_t i = bench.layout.weights; i < bench.layout.weights + bench.layout.alpha; ++i) {
      square += std::pow(noisy[i] - plain[i], 2);
    }
    EXPECT_NEAR(std::sqrt(square / static_cast<double>(bench.layout.alpha)), 0.1, 0.03);
    // Values go out as the global model plus a difference, which rounds.
    for (int64_t i = 0; i < bench.layout.weights; ++i) ASSERT_NEAR(noisy[i], plain[i], 1e-6);
  }
}

TEST(SearchWorkload, WhereValuesAreSentADefenceIsOnTheirDifferenceToTheGlobalModel) {
  Bench bench;
  bench.run.defense =
      defenses::UpdateDefense({.transforms = {defenses::Transform::clip_noise}, .clip_noise = {.clip = 0.01}});
  const auto values = bench.train({.round = 0, .client = 0});
  double square = 0;
  for (int64_t i = 0; i < bench.layout.weights + bench.layout.alpha; ++i) {
    square += std::pow(static_cast<double>(values[i]) - bench.initial[i], 2);
  }
  EXPECT_NEAR(std::sqrt(square), 0.01, 1e-5);
}

TEST(SearchWorkload, ErrorFeedbackComesBackWithTheClientsState) {
  Bench bench;
  bench.run.protocol.protocol = Protocol::delta;
  bench.run.defense = defenses::UpdateDefense(
      {.transforms = {defenses::Transform::top_k}, .top_k = {.share = 0.1, .error_feedback = true}});
  const auto workload = bench.make();
  ClientOutcome first;
  const auto sent = bench.train(*workload, {.round = 0, .client = 0}, &first);
  const auto zeros = std::count(sent.begin(), sent.begin() + bench.layout.weights, 0.0f);
  EXPECT_GE(zeros, bench.layout.weights * 9 / 10 - 1);
  const ClientTask with{.round = 1, .client = 0, .instruction = {}, .state = first.state};
  EXPECT_NE(bench.train(*workload, with), bench.train(*workload, {.round = 1, .client = 0}));
}

TEST(SearchWorkload, ACancelledTaskStops) {
  const Bench bench;
  const std::atomic<bool> cancelled{true};
  ClientTask task{.round = 0, .client = 0, .instruction = {}, .state = {}, .cancelled = &cancelled};
  EXPECT_THROW(bench.train(task), Cancelled);
}

TEST(SearchWorkload, EvaluationCountsEveryTestExampleOnce) {
  const Bench bench;
  const auto workload = bench.make();
  workload->load(bench.message());
  const Evaluation whole = workload->evaluate(0, 20, {});
  const Evaluation first = workload->evaluate(0, 7, {});
  const Evaluation second = workload->evaluate(7, 20, {});
  EXPECT_EQ(whole.examples, 20);
  EXPECT_EQ(first.correct + second.correct, whole.correct);
  EXPECT_NEAR(first.loss_sum + second.loss_sum, whole.loss_sum, 1e-6 * whole.loss_sum);
}

}  // namespace
}  // namespace archleak::client
