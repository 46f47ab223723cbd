#include "sim/defense_setup.h"

#include <gmock/gmock.h>

#include <cmath>

#include "core/error.h"

namespace archleak::sim {
namespace {

using testing::HasSubstr;

constexpr const char* kPrivate =
    "[federation]\nweighting = \"uniform\"\nbatch_norm = \"batch\"\n[defense]\ntransforms = [\"clip_noise\"]\n";

RunConfig parse(const std::string& text, const std::vector<std::string>& overrides = {}) {
  Config config = Config::parse(text, "run.toml", overrides);
  RunConfig run;
  describe(config, run);
  config.reject_unknown();
  return run;
}

std::string error_of(const std::string& text, const std::vector<std::string>& overrides = {}) {
  try {
    parse(text, overrides);
  } catch (const ConfigError& error) {
    return error.what();
  }
  return "no error";
}

TEST(DefenseSetup, WithoutDefencesThereIsNothingToApplyOrToSay) {
  const RunConfig run = parse("");
  EXPECT_TRUE(update_defense(run).empty());
  EXPECT_FALSE(privacy_plan(run));
  EXPECT_TRUE(defenses_in_words(run).empty());
}

TEST(DefenseSetup, ClipNoiseRefusesWhatWouldUndoItsGuarantee) {
  EXPECT_EQ(error_of(kPrivate), "no error");
  EXPECT_THAT(error_of(kPrivate, {"federation.weighting=samples"}), HasSubstr("federation.weighting: expected"));
  EXPECT_THAT(error_of(kPrivate, {"federation.batch_norm=average"}), HasSubstr("without clip and noise"));
  EXPECT_EQ(error_of(kPrivate, {"federation.batch_norm=average", "federation.withhold_weights=true"}), "no error");
  EXPECT_THAT(error_of(kPrivate, {"federation.batch_norm=local"}), HasSubstr("travels in them"));
  EXPECT_THAT(error_of(kPrivate, {"training.carry_optimizer=true"}), HasSubstr("training.carry_optimizer: expected"));
  EXPECT_THAT(error_of(kPrivate, {"federation.protocol=server_alpha"}), HasSubstr("defense.transforms: expected none"));
  EXPECT_THAT(
      error_of(kPrivate, {"defense.transforms=[\"clip_noise\", \"top_k\"]", "defense.top_k.error_feedback=true"}),
      HasSubstr("defense.top_k.error_feedback: expected false"));
}

TEST(DefenseSetup, AGuaranteeOnTheModelNeedsASumOfNoisyUpdates) {
  const std::vector<std::string> model{"defense.clip_noise.guard=model"};
  EXPECT_EQ(error_of(kPrivate, model), "no error");
  EXPECT_EQ(error_of(kPrivate, {model[0], "federation.batch_norm=local"}), "no error");
  EXPECT_THAT(error_of(kPrivate, {model[0], "defense.transforms=[\"clip_noise\", \"quantise\"]"}),
              HasSubstr("expected clip_noise last"));
  EXPECT_EQ(error_of(kPrivate, {model[0], "defense.transforms=[\"top_k\", \"clip_noise\"]"}), "no error");
  EXPECT_THAT(error_of(kPrivate, {model[0], "federation.robust.rule=median"}), HasSubstr("the sum of the updates"));
}

TEST(DefenseSetup, SecureAggregationRefusesWhatWouldGoByInTheClear) {
  const std::string secure = "[federation]\nsecure_aggregation = true\n";
  EXPECT_EQ(error_of(secure), "no error");
  EXPECT_THAT(error_of(secure, {"training.carry_optimizer=true"}), HasSubstr("in the clear"));
  EXPECT_THAT(error_of(secure, {"federation.batch_norm=local"}), HasSubstr("in the clear"));
  EXPECT_THAT(error_of(secure, {"federation.schedule.deadline_s=5", "federation.schedule.min_results=0.5"}),
              HasSubstr("federation.schedule.min_results: expected at least secure_threshold"));
  EXPECT_EQ(error_of(secure, {"federation.schedule.deadline_s=5", "federation.schedule.min_results=0.7"}), "no error");
}

TEST(DefenseSetup, TheNoiseMultiplierIsCalibratedForTheRunsOwnSelection) {
  const std::vector<std::string> run{"federation.clients=100",
                                     "federation.rounds=50",
                                     "federation.selection.kind=uniform",
                                     "federation.selection.count=10",
                                     "defense.clip_noise.target_epsilon=8",
                                     "defense.clip_noise.guard=model"};
  const auto plan = privacy_plan(parse(kPrivate, run));
  EXPECT_EQ(plan->sampling_rate, 0.1);
  EXPECT_EQ(plan->cohort, 10);
  EXPECT_EQ(plan->noise_multiplier, defenses::calibrate_noise(8, 1e-5, 0.1, 50));
  EXPECT_EQ(plan->client_std(), plan->noise_multiplier / std::sqrt(10));
  auto messages = run;
  messages.back() = "defense.clip_noise.guard=messages";
  const auto local = privacy_plan(parse(kPrivate, messages));
  EXPECT_EQ(local->sampling_rate, 1);
  EXPECT_GT(local->noise_multiplier, plan->noise_multiplier);
  EXPECT_LT(local->noise_multiplier, defenses::calibrate_noise(8, 1e-5, 1, 50)) << "nobody takes part in all rounds";
  EXPECT_THAT(defenses_in_words(parse(kPrivate, run)), testing::Contains(HasSubstr("noise multiplier")));
}

TEST(DefenseSetup, ATargetThatCannotBeMetIsAConfigError) {
  EXPECT_THROW(privacy_plan(parse(kPrivate, {"defense.clip_noise.target_epsilon=1e-6"})), ConfigError);
}

}  // namespace
}  // namespace archleak::sim
