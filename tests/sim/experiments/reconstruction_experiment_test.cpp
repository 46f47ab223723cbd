#include "sim/experiments/reconstruction_experiment.h"

#include <gmock/gmock.h>

#include "core/error.h"

namespace archleak::sim {
namespace {

/// A graph so small that a trial takes a second, on synthetic digits.
constexpr const char* kSettings = R"(
data.name = "digits"
data.train_size = 600
data.test_size = 600
graph.cells = 12
graph.channels = 2
graph.activation = "tanh"
graph.max_pool = false
)";

TrialResult trial(const std::vector<std::string>& overrides = {}, uint64_t seed = 7) {
  static const std::atomic<bool> kGoOn{false};
  const Experiment experiment = reconstruction_experiment();
  Config settings = Config::parse(kSettings, "settings", overrides);
  return experiment.run({settings, seed, 0, kGoOn});
}

double figure(const TrialResult& result, const char* name) {
  return result.figures.at(name);
}

TEST(ReconstructionExperiment, TheSameSeedGivesTheSameFiguresAndImages) {
  const auto one = trial(), two = trial();
  for (const auto& [name, value] : one.figures) {
    if (name == "seconds") continue;
    EXPECT_EQ(value, two.figures.at(name)) << name;
  }
  ASSERT_EQ(one.artefacts.size(), 2);
  EXPECT_EQ(one.artefacts[1].pixels, two.artefacts[1].pixels);
  EXPECT_NE(one.artefacts[0].pixels, trial({}, 8).artefacts[0].pixels);
}

TEST(ReconstructionExperiment, WithEverythingKnownTheImageComesBackAndTheNullDoesNot) {
  const auto result = trial();
  EXPECT_EQ(figure(result, "success"), 1);
  EXPECT_GT(figure(result, "ssim"), 0.6);
  EXPECT_LT(figure(result, "null_ssim"), figure(result, "ssim") - 0.2);
  EXPECT_LT(figure(result, "mean_ssim"), figure(result, "ssim") - 0.2);
}

TEST(ReconstructionExperiment, UpdatesOfEveryKindGiveItAway) {
  for (const char* observation : {"sgd_delta", "weights", "adam_delta"}) {
    const auto result = trial({std::string("attack.observation=") + observation});
    EXPECT_GT(figure(result, "ssim"), figure(result, "null_ssim") + 0.1) << observation;
  }
}

TEST(ReconstructionExperiment, BatchesHaveAVerdictForTheirFirstImageAndAShareForAll) {
  const auto result = trial({"attack.batch=2"});
  const double first = figure(result, "success");
  EXPECT_THAT(first, testing::AnyOf(0, 1));
  EXPECT_THAT(figure(result, "batch_success"), testing::AnyOf(first / 2, (first + 1) / 2)) << "the other's is 0 or 1";
}

TEST(ReconstructionExperiment, WithoutTheWeightsOrBehindMasksTheObservationIsWorthNothing) {
  for (const char* setting : {"attack.weights=unknown", "attack.channel=secure_aggregation"}) {
    const auto result = trial({setting});
    EXPECT_EQ(figure(result, "success"), 0) << setting;
    EXPECT_LT(figure(result, "ssim"), 0.6) << setting;
  }
}

TEST(ReconstructionExperiment, WhereNothingIsToBeReadThePriorIsAllThereIs) {
  for (const char* setting : {"attack.channel=curve", "attack.observation=nothing"}) {
    const auto result = trial({setting});
    EXPECT_EQ(figure(result, "ssim"), figure(result, "mean_ssim")) << setting;
  }
}

TEST(ReconstructionExperiment, FirstOrderSolversFindTheImageBehindTheGradientsOfAllWeights) {
  for (const char* solver : {"lbfgs", "adam_cosine", "adam_l2", "adam_l1"}) {
    const auto result = trial({std::string("attack.solver=") + solver, "attack.observation=gradient_and_weights",
                               "attack.prior=total_variation", "attack.iterations=60", "graph.cells=4"});
    EXPECT_GT(figure(result, "correlation"), 0.5) << solver;
    EXPECT_LT(figure(result, "unexplained"), 1) << solver;
  }
}

TEST(ReconstructionExperiment, TheGradientsOfAllWeightsTellTheLabel) {
  for (const uint64_t seed : {7, 8, 9, 10}) {
    const auto result = trial({"attack.observation=gradient_and_weights", "attack.label=inferred",
                               "attack.solver=adam_cosine", "attack.prior=none", "attack.iterations=1"},
                              seed);
    EXPECT_EQ(figure(result, "right_labels"), 1) << seed;
  }
}

TEST(ReconstructionExperiment, DefencesChangeWhatIsSent) {
  const auto noisy = trial({"defense.transforms=[\"noise\"]", "defense.noise.amount=10", "defense.noise.unit=std"});
  EXPECT_EQ(figure(noisy, "success"), 0);
  EXPECT_LT(figure(noisy, "ssim"), 0.6);
}

TEST(ReconstructionExperiment, SettingsThatContradictEachOtherAreRefused) {
  for (const std::vector<std::string>& settings : std::vector<std::vector<std::string>>{
           {"attack.label=enumerated", "attack.batch=2"},
           {"attack.label=joint"},
           {"attack.label=inferred"},
           {"attack.observation=gradient_and_weights"},
           {"attack.prior=total_variation"},
           {"attack.solver=lbfgs"},
           {"attack.local_steps=2"},
           {"attack.local_steps=2", "attack.observation=sgd_delta", "attack.label=enumerated"},
           {"attack.solver=guess"}}) {
    EXPECT_THROW(trial(settings), ConfigError) << settings.front();
  }
}

TEST(ReconstructionExperiment, AClassifierThatIsNotThereIsNamedWithTheCommandThatMakesIt) {
  try {
    trial({"success.classifier=runs/no-such-run"});
    FAIL() << "expected a ConfigError";
  } catch (const ConfigError& error) {
    EXPECT_THAT(error.what(), testing::HasSubstr("archleak run configs/mnist-classifier.toml"));
  }
}

}  // namespace
}  // namespace archleak::sim
