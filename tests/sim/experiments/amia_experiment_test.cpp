#include "sim/experiments/amia_experiment.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <map>
#include <set>

#include "attacks/membership/evaluator.h"
#include "core/error.h"
#include "sim/experiments/amia_models.h"
#include "sim/experiments/amia_parts.h"
#include "sim/experiments/amia_question.h"
#include "tests/support/paths.h"

namespace archleak::sim {
namespace {

namespace fs = std::filesystem;

/// A search and networks so small that a trial takes seconds, on synthetic digits.
constexpr const char* kSettings = R"(
data.name = "digits"
data.train_size = 300
parts.target = 60
parts.nonmembers = 30
parts.shadow = 60
parts.shadow_nonmembers = 40
search_run.federation.rounds = 1
search_run.space.channels = 2
search_run.space.layers = 2
search_run.space.steps = 2
search_run.space.multiplier = 2
search_run.training.batch_size = 16
train_run.federation.rounds = 2
train_run.network.channels = 2
train_run.network.layers = 2
train_run.training.batch_size = 16
attack.epochs = 5
)";

const std::vector<std::string> kShadows{"attack.shadows=3", "parts.population=20"};

class AmiaExperiment : public testing::Test {
 protected:
  AmiaSettings settings(const std::vector<std::string>& overrides = {}) const {
    Config config = Config::parse(kSettings, "settings", overrides);
    AmiaSettings result;
    describe(config, result);
    config.reject_unknown();
    return result;
  }

  TrialResult trial(std::vector<std::string> overrides = {}, uint64_t seed = 7, bool stopped = false) const {
    overrides.push_back("models.store=" + (folder_ / "models").string());
    Config config = Config::parse(kSettings, "settings", overrides);
    const std::atomic<bool> stop{stopped};
    return amia_experiment().run({config, seed, 0, stop});
  }

  /// Folders of models, with the time of their last change.
  std::map<fs::path, fs::file_time_type> models() const {
    std::map<fs::path, fs::file_time_type> found;
    for (const auto& entry : fs::directory_iterator(folder_ / "models")) found[entry] = entry.last_write_time();
    return found;
  }

  archleak::test::TemporaryFolder folder_;
};

bool same(const TrialResult& one, const TrialResult& two) {
  return std::equal(one.figures.begin(), one.figures.end(), two.figures.begin(), two.figures.end(),
                    [](const auto& left, const auto& right) {
                      return left.first == right.first &&
                             (left.second == right.second || (std::isnan(left.second) && std::isnan(right.second)));
                    });
}

TEST_F(AmiaExperiment, KeepsTheScoresThatItsFiguresAreOf) {
  const auto result = trial();
  ASSERT_TRUE(result.scores);
  EXPECT_EQ(std::ranges::count(result.scores->member, 0), 30) << "parts.nonmembers";
  const std::vector<double> scores(result.scores->scores.begin(), result.scores->scores.end());
  const auto metrics = attacks::evaluate(scores, result.scores->member, {.threshold = 0, .resamples = 0}).value;
  EXPECT_DOUBLE_EQ(metrics.auc, result.figures.at("auc"));
  EXPECT_DOUBLE_EQ(metrics.balanced_accuracy, result.figures.at("balanced_accuracy"));
}

TEST_F(AmiaExperiment, TheSameSeedGivesTheSameFiguresAndTrainsNothingTwice) {
  const auto one = trial();
  const auto kept = models();
  EXPECT_EQ(kept.size(), 4) << "search and derived network, of target and shadow";
  EXPECT_TRUE(same(trial(), one));
  EXPECT_EQ(models(), kept);
  EXPECT_FALSE(same(trial({}, 8), one));
}

TEST_F(AmiaExperiment, TargetsShareTheirSearchAndAttacksTheirTargets) {
  trial({"target.model=supernet"});
  EXPECT_EQ(models().size(), 2);
  trial({"target.model=derived_weights"});
  EXPECT_EQ(models().size(), 4);
  trial({"target.model=derived_both"});
  EXPECT_EQ(models().size(), 6);
  trial({"attack.shadow=fixed", "attack.shadow_network=cnn"});
  EXPECT_EQ(models().size(), 7);
  trial({"attack.epochs=9"});
  EXPECT_EQ(models().size(), 7);
}

TEST_F(AmiaExperiment, ReturnsTheFiguresThatItDeclares) {
  const auto declared = amia_experiment().figures;
  const auto figures = trial(kShadows).figures;
  for (const auto& [name, value] : figures) EXPECT_THAT(declared, testing::Contains(name));
  EXPECT_EQ(figures.size(), declared.size() - 1) << "all but epsilon, since nothing is private";
  EXPECT_NEAR(figures.at("advantage"), 2 * figures.at("balanced_accuracy") - 1, 1e-12);
  EXPECT_EQ(figures.at("member_share"), 0.5);
}

TEST_F(AmiaExperiment, FindsTheMembersOfATargetThatKnowsThemByHeart) {
  const std::vector<std::string> overfit{"train_run.federation.rounds=1", "train_run.training.epochs=60",
                                         "train_run.network.channels=6",  "attack.epochs=60",
                                         "data.name=textures10",          "data.train_size=300"};
  double both = 0, supernet = 0;
  for (const uint64_t seed : {1, 2}) {
    both += trial(overfit, seed).figures.at("auc") / 2;
    auto other = overfit;
    other.emplace_back("target.model=supernet");
    supernet += trial(other, seed).figures.at("auc") / 2;
  }
  // Of 30 members and 30 others, the AUC of guessing deviates by 0.075; the mean of two by 0.053.
  EXPECT_GT(both, 0.5 + 5 * 0.053);
  EXPECT_NEAR(supernet, 0.5, 3 * 0.053) << "the supernet's weights have not seen them";
}

TEST_F(AmiaExperiment, SeveralShadowsAddTheirAttacksAndChangeNoOtherFigure) {
  for (const char* target : {"target.model=derived_both", "target.model=supernet"}) {
    const auto one = trial({target}).figures;
    const auto three = trial({target, kShadows[0], kShadows[1]}).figures;
    EXPECT_EQ(models().size(), 8) << "searches and derived networks of a target and three shadows";
    for (const auto& [name, value] : one) EXPECT_EQ(three.at(name), value) << name;
    std::vector<std::string> added;
    for (const auto& [name, value] : three) {
      if (!one.contains(name)) added.push_back(name);
    }
    EXPECT_EQ(added.size(), 16) << "four metrics of two attacks on two parts";
    for (const auto& name : added) EXPECT_THAT(name, testing::MatchesRegex("(weights_)?(lira|rmia)_.*"));
    EXPECT_NE(three.at("lira_auc"), three.at("rmia_auc"));
  }
}

TEST_F(AmiaExperiment, SeveralShadowsFindTheMembersOfATargetThatKnowsThemByHeart) {
  const auto figures =
      trial({"attack.shadows=4", "parts.population=40", "attack.shadow=fixed", "attack.shadow_network=cnn",
             "train_run.federation.rounds=1", "train_run.training.epochs=30", "train_run.network.channels=4",
             "data.name=textures10", "data.train_size=300"},
            1)
          .figures;
  for (const std::string attack : {"lira", "rmia", "weights_lira", "weights_rmia"}) {
    // Of 30 members and 30 others, the AUC of guessing deviates by 0.075.
    EXPECT_GT(figures.at(attack + "_auc"), 0.5 + 2 * 0.075) << attack;
    EXPECT_GT(figures.at(attack + "_balanced_accuracy"), 0.5) << attack;
  }
}

TEST_F(AmiaExperiment, ATrialOfOneShadowIsKnownByTheSettingsThatItHadBeforeThereWereSeveral) {
  const auto resolved = [](const std::vector<std::string>& overrides) {
    Config config = Config::parse(kSettings, "settings", overrides);
    AmiaSettings result;
    describe(config, result);
    return config.resolved();
  };
  EXPECT_THAT(resolved({}), testing::Not(testing::HasSubstr("shadows =")));
  EXPECT_THAT(resolved({}), testing::Not(testing::HasSubstr("population")));
  EXPECT_EQ(resolved({"attack.shadows=1"}), resolved({}));
  EXPECT_THAT(resolved({"attack.shadows=3"}), testing::HasSubstr("shadows = 3"));
}

TEST_F(AmiaExperiment, FurtherShadowsAreTrainedOnAsMuchAsTheFirstOfBothOfTheAttackersParts) {
  const auto of = settings({"attack.shadows=4", "parts.population=20"});
  const auto parts = draw_parts(of, data::load(of.data, 1).train, 7);
  EXPECT_EQ(parts.population.size(), 20);
  data::Dataset both = parts.shadow;
  data::append(both, parts.shadow_nonmembers);
  std::set<std::set<int64_t>> different;
  for (int64_t shadow = 0; shadow < 4; ++shadow) {
    const auto places = shadow_places(parts, shadow, 7);
    const std::set<int64_t> drawn(places.begin(), places.end());
    EXPECT_EQ(drawn.size(), 60u) << "each once";
    EXPECT_EQ(*drawn.rbegin() < 60, shadow == 0) << "of the first part alone";
    different.insert(drawn);
    const Party party = shadow_party(of, parts, 7, shadow);
    EXPECT_EQ(data::content_hash(party.data.both->splits.train), data::content_hash(data::subset(both, places)));
  }
  EXPECT_EQ(different.size(), 4u);
  EXPECT_EQ(draw_parts(settings(), data::load(of.data, 1).train, 7).population.size(), 0);
}

TEST_F(AmiaExperiment, TheEpochOfThePaperIsTheOneThatIsBestOnTheTarget) {
  const auto figures = trial({"attack.epochs=4"}).figures;
  double best = 0, auc = 0, epoch = 0;
  for (int last = 1; last <= 4; ++last) {
    const auto now = trial({"attack.epochs=" + std::to_string(last)}).figures;
    if (now.at("balanced_accuracy") <= best) continue;
    best = now.at("balanced_accuracy");
    auc = now.at("auc");
    epoch = last;
  }
  EXPECT_EQ(figures.at("paper_balanced_accuracy"), best);
  EXPECT_EQ(figures.at("paper_auc"), auc);
  EXPECT_EQ(figures.at("paper_epoch"), epoch);
}

TEST_F(AmiaExperiment, AStoppedTrialLeavesNoFigures) {
  EXPECT_THROW(trial({}, 7, /*stopped=*/true), TrialStopped);
}

TEST_F(AmiaExperiment, EpsilonIsThatOfSearchAndTrainingTogether) {
  const std::vector<std::string> search{"search_run.defense.dp_sgd.enabled=true",
                                        "search_run.federation.batch_norm=group"};
  EXPECT_FALSE(trial(search).figures.contains("epsilon")) << "the derived network's training is not private";
  const double alone = trial({search[0], search[1], "target.model=supernet"}).figures.at("epsilon");
  const double with_training =
      trial({search[0], search[1], "train_run.defense.dp_sgd.enabled=true", "train_run.federation.batch_norm=group"})
          .figures.at("epsilon");
  EXPECT_GT(alone, 0);
  EXPECT_GT(with_training, alone);
}

TEST_F(AmiaExperiment, WhatDoesNotGoTogetherIsRefused) {
  for (const char* flaw : {"train_run.network.name=cnn", "search_run.space.kind=graph",
                           "search_run.federation.clients=2", "attack.shadow_network=resnet51", "attack.eta=1.5",
                           "attack.shadows=0", "attack.shadows=2", "target.model=derived", "search_run.data.name=mnist",
                           "train_run.defense.distillation.teacher=runs/teacher", "train_run.partition.scheme=iid",
                           "train_run.search.alpha_l2=1", "train_run.space.layers=4", "search_run.network.layers=4"}) {
    EXPECT_THROW(settings({flaw}), ConfigError) << flaw;
  }
  EXPECT_NO_THROW(settings({"search_run.federation.clients=2", "train_run.federation.clients=2"}));
  EXPECT_THROW(settings({"target.model=supernet", "target.distil=true"}), ConfigError);
  EXPECT_THROW(settings({"target.distil=true", "train_run.defense.adversarial.enabled=true"}), ConfigError);
  const std::vector<std::string> unrelated{"data.name=digits", "attack.unrelated=digits"};
  EXPECT_NO_THROW(settings(unrelated)) << "which eta of 1 does not use";
  EXPECT_THROW(settings({unrelated[0], unrelated[1], "attack.eta=0.5"}), ConfigError);
  const std::vector<std::string> private_student{"target.distil=true", "train_run.defense.dp_sgd.enabled=true"};
  EXPECT_THROW(settings(private_student), ConfigError) << "whose selection tells of the examples left out";
  EXPECT_NO_THROW(
      settings({private_student[0], private_student[1], "train_run.defense.distillation.entropy_quantile=1"}));
  EXPECT_THROW(trial({"parts.target=250"}), ConfigError) << "more examples than there are";
}

TEST_F(AmiaExperiment, TheShadowIsDefendedOnlyIfTheAttackerKnows) {
  const std::vector<std::string> defended{"search_run.search.alpha_l2=0.5", "train_run.defense.input_noise=0.1"};
  const auto target = [](const AmiaSettings& of) {
    auto parts = draw_parts(of, data::load(of.data, 1).train, 7);
    return target_party(of, parts, 7);
  };
  const auto shadow = [](const AmiaSettings& of) {
    auto parts = draw_parts(of, data::load(of.data, 1).train, 7);
    return shadow_party(of, parts, 7);
  };
  auto of = settings(defended);
  EXPECT_EQ(target(of).search.search.alpha_l2, 0.5);
  const Party naive = shadow(of);
  EXPECT_EQ(naive.search.search.alpha_l2, 0);
  EXPECT_EQ(naive.train.defense.input_noise, 0);
  of.attack.knows_defense = true;
  EXPECT_EQ(shadow(of).search.search.alpha_l2, 0.5);
}

TEST_F(AmiaExperiment, TheShadowOfWhoKnowsNoDefenceIsThatOfAnUndefendedTarget) {
  const auto keys = [&](const std::vector<std::string>& defence) {
    const auto of = settings(defence);
    auto parts = draw_parts(of, data::load(of.data, 1).train, 7);
    const Party shadow = shadow_party(of, parts, 7);
    EXPECT_FALSE(shadow.distil);
    return std::pair(model_key(shadow.search, *shadow.data.both), model_key(shadow.train, *shadow.data.both));
  };
  const auto undefended = keys({});
  for (const std::vector<std::string>& defence : std::vector<std::vector<std::string>>{
           {"search_run.search.alpha_l2=0.1"},
           {"search_run.defense.input_noise=0.1", "train_run.defense.input_noise=0.1"},
           {"target.distil=true", "train_run.defense.distillation.entropy_quantile=0.4", "parts.reference=40"},
           {"train_run.defense.adversarial.enabled=true", "parts.reference=40"},
           {"search_run.defense.dp_sgd.enabled=true", "search_run.federation.batch_norm=group",
            "train_run.defense.dp_sgd.enabled=true", "train_run.federation.batch_norm=group"}}) {
    EXPECT_EQ(keys(defence), undefended) << defence.front();
    auto known = defence;
    known.emplace_back("attack.knows_defense=true");
    if (defence.front().starts_with("target")) continue;  // a student's teacher is undefended
    EXPECT_NE(keys(known), undefended) << defence.front();
  }
}

TEST_F(AmiaExperiment, AsksInAnOrderThatSaysNothingOfWhoIsWho) {
  const auto of = settings();
  auto parts = draw_parts(of, data::load(of.data, 1).train, 7);
  const Party party = target_party(of, parts, 7);
  const auto question = ask(party.data, parts.nonmembers, 7);
  ASSERT_EQ(question.examples.size(), 90);
  for (int64_t begin = 0; begin < 90; begin += 30) {  // batches
    int members = 0;
    for (int64_t i = begin; i < begin + 30; ++i) members += question.of_architecture[i] + question.of_weights[i];
    EXPECT_GE(members, 12);
    EXPECT_LE(members, 28);
  }
  PartyData others = party.data;  // the same examples with other roles
  for (auto& flag : others.of_architecture) flag = 1 - flag;
  const auto again = ask(others, parts.nonmembers, 7);
  EXPECT_EQ(again.examples.labels, question.examples.labels);
  EXPECT_EQ(again.of_architecture, question.of_weights);
  EXPECT_EQ(again.of_weights, question.of_architecture);
  EXPECT_NE(ask(party.data, parts.nonmembers, 8).examples.labels, question.examples.labels);
}

TEST_F(AmiaExperiment, StudentsAndAdversariesLearnFromAPartOfTheirOwn) {
  const auto plain = trial();
  const auto before = models().size();
  const auto distilled = trial({"target.distil=true", "parts.reference=40"});
  EXPECT_EQ(models().size(), before + 1) << "the student, of a teacher that is there";
  EXPECT_NE(distilled.figures.at("auc"), plain.figures.at("auc"));
  const auto regularised = trial(
      {"train_run.defense.adversarial.enabled=true", "train_run.defense.adversarial.lambda=100", "parts.reference=40"});
  EXPECT_EQ(models().size(), before + 2);
  EXPECT_NE(regularised.figures.at("auc"), plain.figures.at("auc"));
  trial({"target.distil=true", "parts.reference=40", "attack.knows_defense=true"});
  EXPECT_EQ(models().size(), before + 3) << "a student of the shadow's";
}

TEST_F(AmiaExperiment, NobodyIsTrainedOnTheReferencePart) {
  auto of = settings({"train_run.defense.adversarial.enabled=true", "parts.reference=40"});
  auto parts = draw_parts(of, data::load(of.data, 1).train, 7);
  EXPECT_EQ(parts.reference.size(), 40);
  EXPECT_EQ(parts.shadow_reference.size(), 0);
  const Party party = target_party(of, parts, 7);
  EXPECT_EQ(party.data.both->splits.train.size(), 60);
  EXPECT_EQ(party.reference.size(), 40);
  EXPECT_EQ(draw_parts(settings(), data::load(of.data, 1).train, 7).reference.size(), 0);
}

TEST_F(AmiaExperiment, PartsAreDisjointAndTheShadowsAreAsRelatedAsEtaSays) {
  const auto contents = [](const data::Dataset& dataset) {
    std::set<std::string> examples;
    for (int64_t i = 0; i < dataset.size(); ++i) {
      const auto pixels = dataset.example(i);
      examples.emplace(pixels.begin(), pixels.end());
    }
    return examples;
  };
  const auto of = settings({"attack.eta=0.25", "attack.shadows=3", "parts.population=20"});
  const auto train = data::load(of.data, 1).train;
  const auto parts = draw_parts(of, train, 7);
  const auto all = contents(train);
  std::set<std::string> seen;
  size_t related = 0, count = 0;
  for (const auto* part :
       {&parts.target, &parts.nonmembers, &parts.shadow, &parts.shadow_nonmembers, &parts.population}) {
    for (const auto& example : contents(*part)) {
      EXPECT_TRUE(seen.insert(example).second) << "an example is in two parts";
      related += all.contains(example);
      ++count;
    }
    EXPECT_NO_THROW(part->validate());
  }
  EXPECT_EQ(count, 60u + 30 + 60 + 40 + 20);
  EXPECT_EQ(related, 60u + 30 + 15 + 10 + 5);
}

TEST_F(AmiaExperiment, TheDataAreDividedAsTheClientsOfTheSearchDo) {
  auto of = settings({"search_run.federation.clients=3", "train_run.federation.clients=3"});
  const auto train = data::load(of.data, 1).train;
  auto parts = draw_parts(of, train, 7);
  const Party party = target_party(of, parts, 7);
  const auto& data = party.data;
  std::vector<uint8_t> expected(60);
  int64_t kept = 0;
  for (int64_t client = 0; client < 3; ++client) {
    const auto split = client::split_locally(data.both->partition[client], 0.5, party.search.seed, client);
    for (const int64_t place : split.valid) expected[place] = 1;
    ASSERT_EQ(data.weights->partition[client].size(), split.train.size());
    for (size_t i = 0; i < split.train.size(); ++i) {
      const auto was = data.both->splits.train.example(split.train[i]);
      const auto is = data.weights->splits.train.example(data.weights->partition[client][i]);
      EXPECT_TRUE(std::equal(was.begin(), was.end(), is.begin()));
    }
    kept += std::ssize(split.train);
  }
  EXPECT_EQ(data.of_architecture, expected);
  EXPECT_EQ(data.weights->splits.train.size(), kept);
  EXPECT_NO_THROW(data.weights->splits.train.validate());
}

}  // namespace
}  // namespace archleak::sim
