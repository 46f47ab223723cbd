// Search strategies as whole runs, with defences where they have them, and what they ask of a configuration.
#include <gmock/gmock.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <thread>

#include "core/error.h"
#include "sim/defense_setup.h"
#include "sim/setup.h"
#include "sim/simulation.h"
#include "tests/support/paths.h"

namespace archleak::sim {
namespace {

using testing::HasSubstr;

constexpr const char* kConfig = R"([data]
name = "digits"
train_size = 60
test_size = 20
[federation]
clients = 3
rounds = 3
[space]
channels = 2
layers = 4
steps = 2
multiplier = 2
stem_multiplier = 2
[training]
batch_size = 8
max_steps = 2
[search.enas]
controller_steps = 2
candidates = 3
[search.smash]
units = 3
random = 4
perturbed = 3
)";

constexpr const char* kPrivatePdarts = "pdarts_under_dp_sgd";
constexpr const char* kPrivateEnas = "enas_under_dp_sgd";
constexpr const char* kPrivateSmash = "smash_under_dp_sgd";

/// By a strategy's name, or with DP-SGD; for P-DARTS a stage is then a round of warm-up and one of architecture steps.
std::vector<std::string> overrides_of(const std::string& strategy) {
  if (strategy == kPrivatePdarts) {
    return {"search.strategy=pdarts",          "search.pdarts.layers=[2, 4]",
            "search.pdarts.operations=[8, 4]", "search.pdarts.skip_dropout=[0.1, 0.4]",
            "search.warmup_rounds=1",          "federation.rounds=4",
            "federation.batch_norm=group",     "training.max_steps=1",
            "defense.dp_sgd.enabled=true"};
  }
  if (strategy == kPrivateEnas) {
    return {"search.strategy=enas", "federation.protocol=server_alpha", "federation.batch_norm=group",
            "training.max_steps=1", "defense.dp_sgd.enabled=true"};
  }
  if (strategy == kPrivateSmash) {
    return {"search.strategy=smash", "federation.batch_norm=group", "defense.dp_sgd.enabled=true"};
  }
  std::vector<std::string> overrides{"search.strategy=" + strategy};
  if (strategy != "pdarts") overrides.push_back("federation.batch_norm=batch");
  if (strategy == "enas") overrides.push_back("federation.protocol=server_alpha");
  return overrides;
}

class StrategyTest : public testing::TestWithParam<std::string> {
 protected:
  Simulation simulation(const std::vector<std::string>& more, const std::string& checkpoints) {
    const auto file = folder_ / "config.toml";
    std::ofstream(file) << kConfig;
    auto overrides = overrides_of(GetParam());
    overrides.insert(overrides.end(), more.begin(), more.end());
    Simulation simulation{.run = {}, .data = {}, .checkpoints = folder_ / checkpoints};
    simulation.run = load_run_config(file, overrides, nullptr);
    simulation.data = make_training_data(simulation.run);
    return simulation;
  }

  /// What a run comes to: its model's hash and its genotype.
  static std::string result_of(const Simulation& simulation, const GlobalModel& model) {
    const auto genotype = derive_genotype(simulation.run, model);
    EXPECT_TRUE(genotype);
    const torch::NoGradGuard no_grad;
    const auto shape = simulation.data->splits.train.shape;
    const torch::Tensor logits = model.network->forward(torch::ones({2, shape.channels, shape.height, shape.width}));
    EXPECT_TRUE(logits.isfinite().all().item<bool>());
    return model.arena.hash() + nas::to_json(genotype.value_or(nas::Genotype{}));
  }

  std::string result(const std::vector<std::string>& more, const std::string& checkpoints) {
    const Simulation whole = simulation(more, checkpoints);
    const std::atomic<bool> never{false};
    return result_of(whole, *simulate(whole, never));
  }

  /// The same of a run that is stopped now and then.
  std::string result_in_parts(const std::vector<std::string>& more, const std::string& checkpoints) {
    const Simulation cut = simulation(more, checkpoints);
    int stops = 0;
    std::optional<GlobalModel> model;
    for (auto patience = std::chrono::milliseconds(30); !model; patience += patience / 2) {
      std::atomic<bool> stop{false};
      std::jthread stopper([&stop, patience](const std::stop_token& over) {
        const auto until = std::chrono::steady_clock::now() + patience;
        while (!over.stop_requested() && std::chrono::steady_clock::now() < until) {
          std::this_thread::sleep_for(std::chrono::milliseconds(5));
        }
        stop = true;
      });
      model = simulate(cut, stop);
      stops += !model;
    }
    EXPECT_GE(stops, 1);
    return result_of(cut, *model);
  }

  test::TemporaryFolder folder_;
};

TEST_P(StrategyTest, ComesToTheSameModelAndGenotypeForAnyNumberOfSlotsAndEitherFidelity) {
  const auto one = result({}, "one");
  EXPECT_EQ(result({"workers.slots=3"}, "slots"), one);
  EXPECT_EQ(result({"federation.fidelity=fused"}, "fused"), one);
  EXPECT_NE(result({"run.seed=2"}, "seed"), one);
}

TEST_P(StrategyTest, ComesToTheSameHoweverOftenItIsStopped) {
  const auto whole = result({}, "whole");
  EXPECT_EQ(result_in_parts({}, "cut"), whole);
  // A run at its end knows its result.
  EXPECT_EQ(result({}, "cut"), whole);
}

INSTANTIATE_TEST_SUITE_P(Every, StrategyTest,
                         testing::Values("pdarts", "enas", "smash", kPrivatePdarts, kPrivateEnas, kPrivateSmash),
                         [](const auto& info) { return info.param; });

class SecureStrategyTest : public StrategyTest {};

TEST_P(SecureStrategyTest, ComesToTheSameUnderSecureAggregationWithEveryProtocol) {
  for (const std::string protocol : {"gradient", "delta", "weights"}) {
    const std::vector<std::string> plain{"federation.protocol=" + protocol};
    const std::vector<std::string> secure{plain[0], "federation.secure_aggregation=true", "workers.slots=2"};
    EXPECT_EQ(result(secure, "secure " + protocol), result(plain, protocol)) << protocol;
  }
}

TEST_P(SecureStrategyTest, ComesToTheSameUnderSecureAggregationHoweverOftenItIsStopped) {
  EXPECT_EQ(result_in_parts({"federation.secure_aggregation=true"}, "cut"), result({}, "whole"));
}

INSTANTIATE_TEST_SUITE_P(Every, SecureStrategyTest, testing::Values("pdarts", "smash", kPrivatePdarts, kPrivateSmash),
                         [](const auto& info) { return info.param; });

RunConfig parse(std::vector<std::string> overrides, const std::vector<std::string>& more) {
  overrides.insert(overrides.end(), more.begin(), more.end());
  Config config = Config::parse(kConfig, "run.toml", overrides);
  RunConfig run;
  describe(config.root(), run);
  config.reject_unknown();
  return run;
}

TEST(StrategySetup, UnderDpSgdAlphaTakesStepsInJustTheRoundsThatTheAccountCounts) {
  // Stages of three and four rounds.
  const auto run = std::make_shared<const RunConfig>(
      parse(overrides_of(kPrivatePdarts), {"federation.rounds=7", "search.warmup_rounds=2"}));
  const auto data = make_training_data(*run);
  GlobalModel model = make_global_model(*run, data->splits.train.shape, data->splits.train.classes);
  const auto plan = dp_sgd_plan(*run, std::vector<int64_t>{20, 20, 20});
  const auto workload = plan_worker(run, data).make_workload();
  std::vector<int64_t> rounds;  // with architecture steps
  for (int64_t round = 0; round < 7; ++round) {
    model.strategy->begin_round(round);
    workload->load(model.arena.floats().first(workload->model_size()));
    std::vector<float> update(workload->update_size());
    const auto outcome = workload->train(
        {.round = round, .client = 0, .instruction = model.strategy->instruction(round, 0), .state = {}}, update);
    const bool moves = std::any_of(outcome.figures.begin(), outcome.figures.end(),
                                   [](const auto& figure) { return figure.name == "valid_loss"; });
    EXPECT_EQ(moves ? 1 : 0, plan->alpha_turns[round]) << round;
    if (moves) rounds.push_back(round);
  }
  EXPECT_EQ(rounds, (std::vector<int64_t>{2, 5, 6}));
}

TEST(StrategySetup, UnderDpSgdTheAccountHasEveryQuestionThatIsAsked) {
  const std::vector<std::string> no_neighbours{"search.smash.perturbed=0"};
  for (const auto& [strategy, more] :
       {std::pair(kPrivateEnas, std::vector<std::string>{}), std::pair(kPrivateSmash, std::vector<std::string>{}),
        std::pair(kPrivateSmash, no_neighbours)}) {
    const RunConfig run = parse(overrides_of(strategy), more);
    const auto data = make_training_data(run);
    const GlobalModel model = make_global_model(run, data->splits.train.shape, data->splits.train.classes);
    const std::vector<int64_t> clients{0, 1, 2};
    std::vector<int64_t> asked;
    for (int64_t round = 0; round < run.coordinator.rounds; ++round) {
      model.strategy->begin_round(round);
      asked.push_back(0);
      for (auto questions = model.strategy->ask(round, clients); !questions.empty();
           questions = model.strategy->ask(round, clients)) {
        ++asked.back();
        std::vector<server::Answer> answers;
        for (const auto& question : questions) {
          answers.push_back({question.client, 10, std::vector<double>(question.candidates.size(), 5)});
        }
        model.strategy->hear(round, answers);
      }
    }
    EXPECT_EQ(dp_sgd_plan(run, std::vector<int64_t>{20, 20, 20})->alpha_turns, asked) << strategy;
  }
}

std::string error_of(const std::string& strategy, const std::vector<std::string>& more) {
  try {
    const RunConfig run = parse(overrides_of(strategy), more);
    const auto data = make_training_data(run);
    make_global_model(run, data->splits.train.shape, data->splits.train.classes);
  } catch (const ConfigError& error) {
    return error.what();
  }
  return "no error";
}

TEST(StrategySetup, RefusesWhatContradictsAStrategy) {
  for (const char* strategy : {"pdarts", "enas", "smash"}) {
    EXPECT_EQ(error_of(strategy, {}), "no error");
    EXPECT_THAT(error_of(strategy, {"space.kind=graph"}), HasSubstr("space.kind: expected \"darts\""));
  }
  const std::vector<std::string> dp_sgd{"defense.dp_sgd.enabled=true", "federation.batch_norm=group"};
  for (const char* strategy : {"pdarts", "enas", "smash"}) EXPECT_EQ(error_of(strategy, dp_sgd), "no error");
  EXPECT_THAT(error_of("enas", {"federation.secure_aggregation=true"}),
              HasSubstr("federation.secure_aggregation: expected protocol \"gradient\", \"delta\" or \"weights\""));
  EXPECT_THAT(error_of("enas", {"federation.protocol=weights"}), HasSubstr("federation.protocol: expected"));
  EXPECT_THAT(error_of("enas", {"federation.batch_norm=average"}), HasSubstr("federation.batch_norm: expected"));
  EXPECT_THAT(error_of("smash", {"federation.batch_norm=average"}), HasSubstr("federation.batch_norm: expected"));
  EXPECT_THAT(error_of("smash", {"federation.protocol=server_alpha"}), HasSubstr("federation.protocol: expected"));
  EXPECT_THAT(error_of("smash", {"federation.withhold_weights=true"}), HasSubstr("withhold_weights: expected"));
  EXPECT_THAT(error_of("smash", {"defense.transforms=[\"clip_noise\"]", "federation.weighting=uniform"}),
              HasSubstr("defense.transforms: expected no clip_noise"));
  EXPECT_THAT(error_of("pdarts", {"federation.protocol=server_alpha"}), HasSubstr("federation.protocol: expected"));
  EXPECT_THAT(error_of("pdarts", {"search.order=second"}), HasSubstr("search.order: expected \"first\""));
  EXPECT_THAT(error_of("pdarts", {"space.layers=5"}), HasSubstr("space.layers: expected 4"));
  EXPECT_THAT(error_of("pdarts", {"training.carry_optimizer=true"}), HasSubstr("carry_optimizer: expected false"));
  EXPECT_THAT(error_of("pdarts", {"space.stem_multiplier=3"}), HasSubstr("stem_multiplier is multiplier"));
  EXPECT_THAT(error_of("pdarts", {"search.pdarts.layers=[2, 4]"}), HasSubstr("as many stages"));
  EXPECT_THAT(error_of("no_such", {}), HasSubstr("search.strategy"));
}

}  // namespace
}  // namespace archleak::sim
