// Audits of small networks on drawn tables, from the configuration to the figures.
#include "sim/audit/audit_run.h"

#include <gmock/gmock.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "core/file.h"
#include "sim/audit/audit_run_command.h"
#include "tests/support/paths.h"

namespace archleak::sim {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

constexpr const char* kConfig = R"([run]
workload = "train"
[data]
name = "table30"
train_size = 220
test_size = 40
[federation]
clients = 2
rounds = 2
protocol = "weights"
[network]
name = "column_fc"
[training]
epochs = 8
batch_size = 16
lr = 0.05
[audit]
samples = 160
population = 40
shadows = 6
epochs = 5
resamples = 50
)";

class AuditRun : public testing::Test {
 protected:
  void SetUp() override { std::ofstream(file_) << kConfig; }

  AuditConfig config(const std::vector<std::string>& overrides = {}) const {
    return load_audit_config(file_, overrides);
  }

  AuditResults audit(const std::string& cache, int jobs = 2, const std::vector<std::string>& overrides = {}) const {
    const std::atomic<bool> stop{false};
    return run_audit(config(overrides), {.cache = folder_ / cache, .jobs = jobs}, stop).value();
  }

  /// Runs `archleak audit run CONFIG --out OUT ...`; the exit code.
  int command(const std::vector<std::string>& further = {}) {
    CLI::App app;
    int exit_code = 0;
    add_audit_run_command(app, exit_code);
    std::vector<std::string> words{"run", file_, "--out", out_};
    words.insert(words.end(), further.begin(), further.end());
    std::reverse(words.begin(), words.end());
    testing::internal::CaptureStdout();
    try {
      app.parse(words);
    } catch (...) {
      output_ = testing::internal::GetCapturedStdout();
      throw;
    }
    output_ = testing::internal::GetCapturedStdout();
    return exit_code;
  }

  /// Models in a cache with their times of change.
  static std::map<fs::path, fs::file_time_type> models(const fs::path& cache) {
    std::map<fs::path, fs::file_time_type> files;
    for (const auto& entry : fs::recursive_directory_iterator(cache)) {
      if (entry.is_regular_file()) files[entry.path()] = entry.last_write_time();
    }
    return files;
  }

  archleak::test::TemporaryFolder folder_;
  std::string file_ = folder_ / "audit.toml";
  std::string out_ = folder_ / "out";
  std::string output_;
};

TEST_F(AuditRun, GivesTheSameFiguresForAnyNumberOfJobs) {
  const auto one = audit("one", 1), three = audit("three", 3);
  EXPECT_EQ(one.target.logits, three.target.logits);
  ASSERT_EQ(one.attacks.size(), three.attacks.size());
  EXPECT_EQ(one.attacks.size(), 15);
  for (size_t i = 0; i < one.attacks.size(); ++i) {
    EXPECT_EQ(one.attacks[i].attack.scores, three.attacks[i].attack.scores);
    EXPECT_EQ(one.attacks[i].evaluation.low.auc, three.attacks[i].evaluation.low.auc);
  }
  EXPECT_GT(one.member_accuracy, one.nonmember_accuracy);
}

TEST_F(AuditRun, TrainsNothingThatIsInTheCacheAndAsksNothingTwice) {
  const auto first = audit("cache");
  const auto before = models(folder_ / "cache");
  EXPECT_EQ(before.size(), 7 * 3) << "a checkpoint and two sets of answers for each model";
  const auto again = audit("cache");
  EXPECT_EQ(models(folder_ / "cache"), before);
  EXPECT_EQ(again.target.logits, first.target.logits);
  // What does not change a model does not make another one; what does, does.
  audit("cache", 1, {"workers.count=3", "audit.resamples=10"});
  EXPECT_EQ(models(folder_ / "cache"), before);
  audit("cache", 1, {"training.lr=0.04"});
  EXPECT_EQ(models(folder_ / "cache").size(), 2 * before.size());
}

TEST_F(AuditRun, StoppedContinuesToTheSameFigures) {
  const auto whole = audit("whole");
  std::atomic<bool> stop{true};
  EXPECT_FALSE(run_audit(config(), {.cache = folder_ / "parts", .jobs = 1}, stop));
  // Half of the models, and one that was begun.
  fs::create_directory(folder_ / "parts");
  int copied = 0;
  for (const auto& entry : fs::directory_iterator(folder_ / "whole")) {
    if (++copied <= 4) fs::copy(entry.path(), folder_ / "parts" / entry.path().filename());
    if (copied == 4) {
      for (const auto& file : fs::directory_iterator(folder_ / "parts" / entry.path().filename())) {
        if (file.path().extension() == ".answers") fs::remove(file.path());
      }
    }
  }
  const auto kept = models(folder_ / "parts");
  EXPECT_EQ(audit("parts").target.logits, whole.target.logits);
  const auto all = models(folder_ / "parts");
  EXPECT_EQ(all.size(), models(folder_ / "whole").size());
  for (const auto& [file, time] : kept) EXPECT_EQ(all.at(file), time) << "trained or asked again: " << file;
}

TEST_F(AuditRun, AsksAModelAgainWhoseAnswersAreDamaged) {
  const auto first = audit("cache");
  for (const auto& [path, time] : models(folder_ / "cache")) {
    if (path.extension() != ".answers") continue;
    std::string bytes = read_file(path);
    bytes[bytes.size() / 2] ^= 1;
    write_file_atomically(path, bytes);
  }
  const auto again = audit("cache");
  for (size_t i = 0; i < first.attacks.size(); ++i) {
    EXPECT_EQ(again.attacks[i].attack.scores, first.attacks[i].attack.scores);
  }
}

TEST_F(AuditRun, WritesTheSameBytesTwiceAndScoresThatCanBeRead) {
  ASSERT_EQ(command({"--cache", folder_ / "cache"}), 0);
  const AuditRunFiles files(out_);
  const std::vector<fs::path> written{
      files.attacks, files.summary, files.chart, files.page, files.scores / "lira_online.csv", files.slices};
  std::vector<std::string> before;
  for (const auto& file : written) before.push_back(read_file(file));
  EXPECT_THAT(output_, HasSubstr(files.page.string()));
  EXPECT_THAT(before[0], testing::StartsWith("attack,metric,value,low,high\n"));
  EXPECT_THAT(before[4], HasSubstr("score,member,label,correct,id"));
  EXPECT_THAT(before[5], testing::StartsWith("attack,slice,level,members,nonmembers,metric,value,low,high\n"));
  out_ = folder_ / "again";
  ASSERT_EQ(command({"--cache", folder_ / "cache"}), 0);
  for (size_t i = 0; i < written.size(); ++i) {
    EXPECT_EQ(read_file(fs::path(out_) / fs::relative(written[i], files.config.parent_path())), before[i]);
  }
}

TEST_F(AuditRun, SlicesOfEveryAttackShareTheSamplesOutByClassAndByCorrectness) {
  const auto results = audit("cache");
  for (const auto& [attack, evaluation, slices] : results.attacks) {
    std::map<std::string, int64_t> members, all;
    for (const auto& slice : slices) {
      members[slice.by] += slice.members;
      all[slice.by] += slice.members + slice.nonmembers;
      EXPECT_EQ(slice.evaluation.value_or(attacks::Evaluation{.threshold = attack.threshold}).threshold,
                attack.threshold);
    }
    EXPECT_EQ(members, (std::map<std::string, int64_t>{{"correct", 80}, {"label", 80}})) << attack.name;
    EXPECT_EQ(all, (std::map<std::string, int64_t>{{"correct", 160}, {"label", 160}}));
  }
}

TEST_F(AuditRun, TheNetworksBestEpochIsChosenOnTheTargetAndItsLastIsNot) {
  const auto results = audit("cache");
  const auto& network = *std::ranges::find(results.attacks, "network", [](const auto& of) { return of.attack.name; });
  EXPECT_GE(results.best_epoch.epoch, 1);
  EXPECT_LE(results.best_epoch.epoch, 5);
  EXPECT_GE(results.best_epoch.evaluation.value.balanced_accuracy, network.evaluation.value.balanced_accuracy);
  const auto shorter = audit("cache", 1, {"audit.epochs=" + std::to_string(results.best_epoch.epoch)});
  const auto& same = *std::ranges::find(shorter.attacks, "network", [](const auto& of) { return of.attack.name; });
  EXPECT_EQ(same.evaluation.value.auc, results.best_epoch.evaluation.value.auc);
  ASSERT_EQ(command({"--cache", folder_ / "cache"}), 0);
  const AuditRunFiles files(out_);
  EXPECT_THAT(read_file(files.attacks),
              HasSubstr("\nnetwork,best_epoch," + std::to_string(results.best_epoch.epoch) + ",,\n"));
  for (const auto& record : nlohmann::json::parse(read_file(files.summary)).at("attacks")) {
    EXPECT_EQ(record.contains("best_epoch_auc"), record.at("attack") == "network");
  }
  EXPECT_THAT(read_file(files.page), HasSubstr("best epoch on the target"));
}

TEST_F(AuditRun, ASearchIsSlicedByThePartThatItsClientsFitOnAMember) {
  const std::vector<std::string> search{"run.workload=search", "data.name=digits",       "federation.rounds=1",
                                        "training.epochs=1",   "space.channels=2",       "space.layers=2",
                                        "space.steps=2",       "space.multiplier=2",     "audit.samples=40",
                                        "audit.population=10", "search.valid_share=0.25"};
  const auto results = audit("cache", 2, search);
  const auto of = [&](const std::string& part) { return std::ranges::count(results.parts, part); };
  EXPECT_EQ(of("weights") + of("architecture"), 20);
  EXPECT_EQ(of("architecture"), 4) << "a quarter, rounded down by each of two clients with ten members";
  for (int64_t i = 0; i < std::ssize(results.parts); ++i) {
    EXPECT_EQ(results.parts[i].empty(), !results.target.member[i]);
  }
  for (const auto& [attack, evaluation, slices] : results.attacks) {
    std::map<std::string, std::pair<int64_t, int64_t>> parts;
    for (const auto& slice : slices) {
      if (slice.by == "part") parts[slice.level] = {slice.members, slice.nonmembers};
    }
    EXPECT_EQ(parts,
              (std::map<std::string, std::pair<int64_t, int64_t>>{{"architecture", {4, 20}}, {"weights", {16, 20}}}))
        << attack.name;
  }
  write_audit_run(out_, results);
  const AuditRunFiles files(out_);
  EXPECT_THAT(read_file(files.slices), HasSubstr("\nnetwork,part,architecture,4,20,auc,"));
  EXPECT_THAT(read_file(files.page), HasSubstr("By the part of the search"));
  EXPECT_THAT(read_file(files.scores / "network.csv"), testing::StartsWith("score,member,label,correct,part,id\n"));
}

TEST_F(AuditRun, SaysTheEpsilonOfTheTargetsExamples) {
  EXPECT_FALSE(audit("cache").epsilon);
  ASSERT_EQ(command({"--set", "defense.dp_sgd.enabled=true", "--set", "defense.dp_sgd.target_epsilon=4", "--set",
                     "training.epochs=2", "--cache", folder_ / "cache"}),
            0);
  const auto summary = nlohmann::json::parse(read_file(AuditRunFiles(out_).summary));
  EXPECT_LE(summary.at("epsilon").get<double>(), 4);
  EXPECT_GT(summary.at("epsilon").get<double>(), 3.9);
  EXPECT_EQ(summary.at("delta"), 1e-5);
  EXPECT_THAT(read_file(AuditRunFiles(out_).page), HasSubstr("epsilon of the target"));
  EXPECT_THAT(output_, HasSubstr("privacy    epsilon"));
}

TEST_F(AuditRun, KeepsTheFoldersOfOthersAsTheyAre) {
  fs::create_directory(out_);
  std::ofstream(out_ + "/mine.txt") << "x";
  EXPECT_THROW(command(), ConfigError);
  fs::remove_all(out_);
  ASSERT_EQ(command(), 0);
  EXPECT_THROW(command({"--set", "audit.samples=100"}), ConfigError);
  EXPECT_EQ(command(), 0);
}

TEST_F(AuditRun, AConfigurationThatCannotBeUsedIsAnErrorBeforeAnythingRuns) {
  EXPECT_THROW(config({"audit.shadows=7"}), ConfigError);
  EXPECT_THROW(config({"audit.shadows=4"}), ConfigError);
  EXPECT_THROW(config({"audit.shadow=8"}), ConfigError);
  EXPECT_THROW(audit("cache", 1, {"audit.samples=200"}), ConfigError);
  EXPECT_FALSE(fs::exists(folder_ / "cache"));
}

const std::vector<std::string> kAdversarial{
    "audit.reference=20", "defense.adversarial.enabled=true", "defense.adversarial.prediction_layers=[16]",
    "defense.adversarial.label_layers=[8]", "defense.adversarial.joint_layers=[8]"};

TEST_F(AuditRun, ModelsAreDistilledOnTheReferenceAndKnowTheirMembersLess) {
  const auto plain = audit("cache");
  const auto files = models(folder_ / "cache").size();
  const std::vector<std::string> distilled{"audit.distil=true", "audit.reference=20",
                                           "defense.distillation.entropy_quantile=1"};
  const auto students = audit("cache", 2, distilled);
  EXPECT_EQ(models(folder_ / "cache").size(), files + 7 * 4)
      << "answers of the teacher, which is there; a student with two sets of answers for each model";
  EXPECT_EQ(students.target.member, plain.target.member);
  EXPECT_LT(students.member_accuracy, plain.member_accuracy);
  EXPECT_EQ(audit("other cache", 1, distilled).target.logits, students.target.logits);
}

TEST_F(AuditRun, ModelsHoldTheReferenceAgainstTheirAdversary) {
  const auto plain = audit("cache");
  auto free = kAdversarial;
  free.push_back("defense.adversarial.lambda=0");
  EXPECT_EQ(audit("cache", 2, free).target.member, plain.target.member);
  EXPECT_EQ(audit("cache", 2, free).member_accuracy, plain.member_accuracy)
      << "they are trained on all of their training sets";
  const auto defended = audit("cache", 2, kAdversarial);
  EXPECT_NE(defended.target.logits, audit("cache", 2, free).target.logits);
  EXPECT_EQ(audit("other cache", 1, kAdversarial).target.logits, defended.target.logits);
}

TEST_F(AuditRun, AReferenceAndTheDefencesThatNeedOneComeTogether) {
  EXPECT_THROW(config({"audit.reference=20"}), ConfigError);
  EXPECT_THROW(config({"audit.distil=true"}), ConfigError);
  EXPECT_THROW(config({"defense.adversarial.enabled=true"}), ConfigError);
  auto both = kAdversarial;
  both.push_back("audit.distil=true");
  EXPECT_THROW(config(both), ConfigError);
  EXPECT_THROW(config({"defense.distillation.teacher=runs/other"}), ConfigError);
  EXPECT_THROW(audit("cache", 1, {"audit.distil=true", "audit.reference=21"}), ConfigError) << "too few examples";
}

TEST_F(AuditRun, TheTargetsMembersAreNotReadByAttacks) {
  const std::atomic<bool> stop{false};
  const auto settings = config();
  const auto train = data::load(settings.run.data, settings.run.seed).train;
  const auto split = make_audit_split(train.size(), settings.audit, settings.run.seed);
  auto models = *make_models(settings, train, split, {.cache = folder_ / "cache", .jobs = 2}, stop);
  const auto before = run_attacks(models, settings.audit, 1);
  for (auto& flag : models[0].samples.member) flag = 1 - flag;
  const auto after = run_attacks(models, settings.audit, 1);
  for (size_t i = 0; i < before.size(); ++i) {
    EXPECT_EQ(before[i].scores, after[i].scores);
    EXPECT_EQ(before[i].threshold, after[i].threshold);
  }
}

TEST(AuditOfLocation, LiraAndRmiaFindMoreMembersAtOnePercentThanEveryThreshold) {
  if (!archleak::test::real_data("location")) GTEST_SKIP() << "no Location data here";
  const archleak::test::TemporaryFolder folder;
  const std::atomic<bool> stop{false};
  const auto config = load_audit_config(fs::path(ARCHLEAK_SOURCE_DIR) / "configs/audit-location.toml",
                                        {"data.root=" + archleak::test::real_data("location")->parent_path().string()});
  const auto results = *run_audit(config, {.cache = folder.path(), .jobs = 2}, stop);
  double thresholds = 0;
  std::map<std::string, attacks::Evaluation> found;
  for (const auto& [attack, evaluation, slices] : results.attacks) {
    found[attack.name] = evaluation;
    const bool of_shadows = attack.name.starts_with("lira") || attack.name.starts_with("rmia");
    if (!of_shadows && attack.name != "network") thresholds = std::max(thresholds, evaluation.high.tpr_at_1_percent);
  }
  for (const char* attack : {"lira_online", "lira_offline", "rmia_online", "rmia_offline"}) {
    EXPECT_GT(found.at(attack).low.tpr_at_1_percent, thresholds) << attack;
    EXPECT_GT(found.at(attack).value.tpr_at_1_percent, found.at("network").value.tpr_at_1_percent) << attack;
  }
}

}  // namespace
}  // namespace archleak::sim
