// Search strategies as whole runs, and what they ask of a configuration.
#include <gmock/gmock.h>

#include <chrono>
#include <fstream>
#include <thread>

#include "core/error.h"
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

std::vector<std::string> overrides_of(const std::string& strategy) {
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
  const Simulation cut = simulation({}, "cut");
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
  EXPECT_EQ(result_of(cut, *model), whole);
  // A run at its end knows its result.
  EXPECT_EQ(result({}, "cut"), whole);
}

INSTANTIATE_TEST_SUITE_P(Every, StrategyTest, testing::Values("pdarts", "enas", "smash"),
                         [](const auto& info) { return info.param; });

std::string error_of(const std::string& strategy, const std::vector<std::string>& more) {
  auto overrides = overrides_of(strategy);
  overrides.insert(overrides.end(), more.begin(), more.end());
  try {
    Config config = Config::parse(kConfig, "run.toml", overrides);
    RunConfig run;
    describe(config.root(), run);
    config.reject_unknown();
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
    EXPECT_THAT(error_of(strategy, {"defense.dp_sgd.enabled=true", "federation.batch_norm=group"}),
                HasSubstr("defense.dp_sgd.enabled: expected false"));
  }
  EXPECT_THAT(error_of("pdarts", {"federation.secure_aggregation=true"}),
              HasSubstr("federation.secure_aggregation: expected false with search.strategy \"pdarts\""));
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
