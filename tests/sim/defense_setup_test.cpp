#include "sim/defense_setup.h"

#include <gmock/gmock.h>

#include <cmath>

#include "core/error.h"
#include "sim/setup.h"

namespace archleak::sim {
namespace {

using testing::HasSubstr;

constexpr const char* kPrivate =
    "[federation]\nweighting = \"uniform\"\nbatch_norm = \"batch\"\n[defense]\ntransforms = [\"clip_noise\"]\n";

RunConfig parse(const std::string& text, const std::vector<std::string>& overrides = {}) {
  Config config = Config::parse(text, "run.toml", overrides);
  RunConfig run;
  describe(config.root(), run);
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

const std::vector<std::string> kDpSgd{"defense.dp_sgd.enabled=true"};

std::vector<std::string> with(std::vector<std::string> overrides, const std::vector<std::string>& more) {
  overrides.insert(overrides.end(), more.begin(), more.end());
  return overrides;
}

TEST(DefenseSetup, DpSgdRefusesWhatWouldUndoItsGuarantee) {
  EXPECT_EQ(error_of("", kDpSgd), "no error");
  EXPECT_THAT(error_of("", with(kDpSgd, {"federation.protocol=server_alpha"})), HasSubstr("rewards would tell"));
  EXPECT_THAT(error_of(kPrivate, kDpSgd), HasSubstr("defense.dp_sgd.enabled: expected false with"));
  EXPECT_THAT(error_of("", with(kDpSgd, {"search.order=second"})), HasSubstr("search.order: expected \"first\""));
  EXPECT_EQ(error_of("", with(kDpSgd, {"search.order=second", "run.workload=train"})), "no error");
  EXPECT_THAT(error_of("", {"search.alpha_l2=1", "federation.protocol=server_alpha"}), HasSubstr("search.alpha_l2"));
  EXPECT_THAT(error_of("", {"defense.dp_sgd.clip=0"}), HasSubstr("defense.dp_sgd.clip"));
}

TEST(DefenseSetup, DpSgdRefusesNetworksThatMixExamplesAndSaysWhatToDo) {
  const auto build = [](const std::vector<std::string>& more) {
    make_global_model(parse("", with(kDpSgd, more)), {1, 28, 28}, 10);
  };
  try {
    build({});
    FAIL() << "expected an error";
  } catch (const ConfigError& error) {
    EXPECT_THAT(error.what(), HasSubstr("federation.batch_norm: expected \"group\""));
  }
  EXPECT_THROW(build({"run.workload=train", "network.name=resnet20"}), ConfigError);
  EXPECT_NO_THROW(build({"run.workload=train", "network.name=resnet20", "federation.batch_norm=group"}));
  EXPECT_NO_THROW(build({"run.workload=train", "network.name=cnn"}));
  EXPECT_NO_THROW(build({"space.channels=2", "space.layers=2", "federation.batch_norm=group"}));
  EXPECT_NO_THROW(build({"space.kind=graph", "graph.cells=4"}));
}

TEST(DefenseSetup, DpSgdAccountsForEachClientsOwnStepsAndHalves) {
  const std::vector<std::string> run =
      with(kDpSgd, {"federation.clients=2", "federation.rounds=10", "search.warmup_rounds=4", "training.batch_size=16",
                    "training.epochs=2", "search.valid_share=0.25"});
  const std::vector<int64_t> sizes{400, 40};
  const auto plan = dp_sgd_plan(parse("", run), sizes);
  ASSERT_TRUE(plan);
  EXPECT_EQ(plan->clients[0].weights.sampling_rate, 16.0 / 300);
  EXPECT_EQ(plan->clients[0].weights.steps, 2 * 19);
  EXPECT_EQ(plan->clients[0].alpha.sampling_rate, 16.0 / 100);
  EXPECT_EQ(plan->clients[0].alpha.steps, 2 * 19);
  EXPECT_EQ(plan->clients[0].rounds, 10);
  EXPECT_EQ(plan->clients[0].alpha_turns, 6);
  EXPECT_EQ(plan->clients[1].weights.sampling_rate, 16.0 / 30);
  EXPECT_EQ(plan->clients[1].alpha.sampling_rate, 1) << "ten examples are less than a batch";
  EXPECT_EQ(plan->alpha_turns, (std::vector<int64_t>{0, 0, 0, 0, 1, 1, 1, 1, 1, 1}));

  const auto steps_of = [&](const std::vector<std::string>& more) {
    const auto client = dp_sgd_plan(parse("", with(run, more)), sizes)->clients[0];
    return std::pair(client.weights.steps, client.alpha.steps);
  };
  EXPECT_EQ(steps_of({"federation.protocol=gradient"}), std::pair(int64_t{1}, int64_t{1}));
  EXPECT_EQ(steps_of({"federation.withhold_weights=true"}), std::pair(int64_t{0}, int64_t{38}));
  EXPECT_EQ(steps_of({"run.workload=train"}), std::pair(int64_t{50}, int64_t{0}));
  EXPECT_FALSE(dp_sgd_plan(parse(""), sizes));
}

TEST(DefenseSetup, DpSgdAccountsForTheWarmUpOfEveryStageOfPDarts) {
  const auto plan_of = [](const std::string& rounds) {
    return *dp_sgd_plan(parse("", with(kDpSgd, {"federation.clients=2", "federation.rounds=" + rounds,
                                                "search.warmup_rounds=1", "search.strategy=pdarts", "space.layers=4"})),
                        std::vector<int64_t>{100, 100});
  };
  const auto plan = plan_of("9");
  EXPECT_EQ(plan.alpha_turns, (std::vector<int64_t>{0, 1, 1, 0, 1, 1, 0, 1, 1}));
  EXPECT_EQ(plan.clients[1].rounds, 9);
  EXPECT_EQ(plan.clients[1].alpha_turns, 6);
  EXPECT_EQ(plan_of("2").alpha_turns, (std::vector<int64_t>{0, 0})) << "fewer rounds than stages";
}

TEST(DefenseSetup, DpSgdAccountsForEveryQuestionOfEnas) {
  const RunConfig run = parse("", with(kDpSgd, {"federation.clients=2", "federation.rounds=3", "search.strategy=enas",
                                                "federation.protocol=server_alpha", "federation.batch_norm=group",
                                                "search.enas.controller_steps=4", "search.warmup_rounds=1"}));
  const auto plan = *dp_sgd_plan(run, std::vector<int64_t>{100, 100});
  EXPECT_EQ(plan.alpha_turns, (std::vector<int64_t>{4, 4, 5}));
  EXPECT_EQ(plan.clients[0].alpha.sampling_rate, 1) << "all validation examples are counted";
  EXPECT_EQ(plan.clients[0].alpha.steps, 1);
  EXPECT_EQ(plan.clients[0].alpha_turns, 13);
  EXPECT_EQ(plan.clients[0].rounds, 3);
  EXPECT_THAT(defenses_in_words(run, plan), testing::Contains(HasSubstr("of counts of right answers 1")));
}

TEST(DefenseSetup, DpSgdAccountsForTheRankingOfSmash) {
  const auto plan_of = [](const std::string& perturbed) {
    const RunConfig run = parse("", with(kDpSgd, {"federation.clients=2", "federation.rounds=3",
                                                  "search.strategy=smash", "federation.batch_norm=group",
                                                  "search.warmup_rounds=1", "search.smash.perturbed=" + perturbed}));
    return *dp_sgd_plan(run, std::vector<int64_t>{100, 100});
  };
  const auto plan = plan_of("5");
  EXPECT_EQ(plan.alpha_turns, (std::vector<int64_t>{0, 0, 2})) << "random sub-networks, then neighbours of the best";
  EXPECT_EQ(plan.clients[0].alpha.sampling_rate, 1) << "all validation examples are counted";
  EXPECT_EQ(plan.clients[0].alpha.steps, 1);
  EXPECT_EQ(plan.clients[0].alpha_turns, 2);
  EXPECT_EQ(plan.clients[0].rounds, 3);
  EXPECT_EQ(plan.clients[0].weights.steps, 1) << "of training, in every round";
  EXPECT_EQ(plan_of("0").alpha_turns, (std::vector<int64_t>{0, 0, 1}));
}

TEST(DefenseSetup, SaysThatExamplesAreProtectedAndWithWhatNoise) {
  const RunConfig run = parse("", with(kDpSgd, {"defense.dp_sgd.target_epsilon=8", "defense.input_noise=0.1"}));
  const std::vector<int64_t> sizes(16, 100);
  const auto words = defenses_in_words(run, dp_sgd_plan(run, sizes));
  EXPECT_THAT(words, testing::Contains(HasSubstr("differential privacy of single examples")));
  EXPECT_THAT(words, testing::Contains(HasSubstr("noise multiplier")));
  EXPECT_THAT(words, testing::Contains(HasSubstr("training inputs")));
  EXPECT_THAT(defenses_in_words(parse("", with(kDpSgd, {"defense.dp_sgd.noise_multiplier=0"}))),
              testing::Contains(HasSubstr("without privacy")));
}

const std::vector<std::string> kStudent{"run.workload=train", "defense.distillation.teacher=runs/teacher"};
const std::vector<std::string> kAdversarial{"run.workload=train", "federation.protocol=weights",
                                            "defense.adversarial.enabled=true"};

TEST(DefenseSetup, DistillationRefusesWhatNeedsLabelsOrWouldTellOfExamples) {
  EXPECT_EQ(error_of("", kStudent), "no error");
  EXPECT_THAT(error_of("", with(kStudent, {"run.workload=search"})),
              HasSubstr("defense.distillation.teacher: expected none in a search run"));
  EXPECT_THAT(error_of("", with(kStudent, kDpSgd)), HasSubstr("defense.distillation.entropy_quantile: expected 1"));
  EXPECT_EQ(error_of("", with(with(kStudent, kDpSgd), {"defense.distillation.entropy_quantile=1"})), "no error");
  EXPECT_THAT(error_of("", with(kStudent, kAdversarial)), HasSubstr("defense.adversarial.enabled: expected false"));
  EXPECT_THAT(error_of("", {"defense.distillation.entropy_quantile=0"}), HasSubstr("entropy_quantile"));
}

TEST(DefenseSetup, AdversarialRegularisationRefusesWhatDoesNotGoTogetherWithAPlayerAtTheClient) {
  EXPECT_EQ(error_of("", kAdversarial), "no error");
  EXPECT_EQ(error_of("", with(kAdversarial, {"federation.protocol=delta"})), "no error");
  EXPECT_THAT(error_of("", with(kAdversarial, {"federation.protocol=gradient"})),
              HasSubstr("federation.protocol: expected \"delta\" or \"weights\" with defense.adversarial"));
  EXPECT_THAT(error_of("", with(kAdversarial, {"run.workload=search"})), HasSubstr("in a search run"));
  EXPECT_THAT(error_of("", with(kAdversarial, kDpSgd)), HasSubstr("without clip and noise"));
  EXPECT_THAT(error_of("", with(kAdversarial, {"federation.secure_aggregation=true"})),
              HasSubstr("defense.adversarial.enabled: expected false with secure_aggregation"));
  EXPECT_THAT(error_of(kPrivate, kAdversarial), HasSubstr("travels in them"));
  EXPECT_THROW(make_global_model(parse("", with(kAdversarial, {"network.name=column_fc",
                                                               "defense.adversarial.prediction_layers=[4096, 4096]"})),
                                 {446, 1, 1}, 30),
               ConfigError);
}

TEST(DefenseSetup, NamesTheDefencesAgainstMembershipInference) {
  EXPECT_THAT(defenses_in_words(parse("", kStudent)),
              testing::ElementsAre(AllOf(HasSubstr("distillation (DMP)"), HasSubstr("runs/teacher"), HasSubstr("50 %"),
                                         HasSubstr("no guarantee"))));
  EXPECT_THAT(defenses_in_words(parse("", with(kAdversarial, {"defense.adversarial.lambda=2"}))),
              testing::ElementsAre(AllOf(HasSubstr("adversarial regularisation: lambda 2"), HasSubstr("30 %"))));
}

}  // namespace
}  // namespace archleak::sim
