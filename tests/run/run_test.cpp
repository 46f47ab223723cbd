// The archleak command as a user runs it: real processes, real sockets, a real search.
#include <gmock/gmock.h>
#include <signal.h>

#include <fstream>
#include <map>

#include "core/file.h"
#include "tests/run/archleak_program.h"
#include "tests/support/paths.h"

namespace archleak {
namespace {

using test::archleak;
using test::TemporaryFolder;

/// The global model's hash after a run of the tiny search with these further arguments.
std::string hash_of(const TemporaryFolder& folder, const std::vector<std::string>& further) {
  const auto config = test::write_tiny_search(folder.path());
  std::vector<std::string> arguments = {"run", config.string(), "--out", (folder / "run").string(), "--overwrite"};
  arguments.insert(arguments.end(), further.begin(), further.end());
  const auto ended = archleak(arguments, folder.path());
  EXPECT_EQ(ended.code, 0) << ended.output;
  return test::last_metric(folder / "run", "model_hash");
}

TEST(Run, LeavesEverythingThatAUserLooksFor) {
  const TemporaryFolder folder;
  EXPECT_EQ(hash_of(folder, {}).size(), 64u);
  for (const char* name :
       {"config.toml", "metrics.csv", "events.jsonl", "partition.json", "clients.csv", "genotype.json", "genotype.svg",
        "weights.pt", "report.html", "coordinator.log", "worker-1.log"}) {
    EXPECT_TRUE(std::filesystem::exists(folder / "run" / name)) << name;
  }
  EXPECT_EQ(test::finished_rounds(folder / "run"), 3);
  EXPECT_EQ(archleak({"search", "show", (folder / "run").string()}, folder.path()).code, 0);
}

TEST(Run, TheModelsBitsDoNotDependOnWorkersThreadsFidelityOrTransport) {
  const TemporaryFolder folder;
  const std::string expected = hash_of(folder, {"--workers", "1"});
  EXPECT_EQ(hash_of(folder, {"--workers", "5"}), expected);
  EXPECT_EQ(hash_of(folder, {"--set", "workers.slots=4"}), expected);
  EXPECT_EQ(hash_of(folder, {"--set", "federation.fidelity=fused"}), expected);
  EXPECT_EQ(hash_of(folder, {"--bind", "tcp://127.0.0.1:0"}), expected);
}

TEST(Run, AnotherSeedGivesAnotherModel) {
  const TemporaryFolder folder;
  EXPECT_NE(hash_of(folder, {"--set", "run.seed=2"}), hash_of(folder, {}));
}

TEST(Run, AnInterruptedRunResumesToTheSameBits) {
  const TemporaryFolder folder;
  const auto config = test::write_tiny_search(folder.path(), 6);
  const auto whole = folder / "whole";
  const auto cut = folder / "cut";
  ASSERT_EQ(archleak({"run", config.string(), "--out", whole.string()}, folder.path()).code, 0);
  const auto process = test::start_archleak({"run", config.string(), "--out", cut.string()}, folder / "cut.txt");
  ASSERT_TRUE(test::eventually([&] { return test::finished_rounds(cut) >= 2; }));
  process->signal(SIGTERM);
  EXPECT_EQ(process->wait(), 75) << process->output();
  EXPECT_THAT(process->output(), testing::HasSubstr("archleak resume"));
  ASSERT_LT(test::finished_rounds(cut), 6);
  const auto resumed = archleak({"resume", cut.string(), "--workers", "3"}, folder.path());
  EXPECT_EQ(resumed.code, 0) << resumed.output;
  EXPECT_EQ(test::finished_rounds(cut), 6);
  EXPECT_EQ(test::last_metric(cut, "model_hash"), test::last_metric(whole, "model_hash"));
}

const std::vector<std::string> kNoise{"--set", "defense.transforms=[\"noise\", \"top_k\", \"quantise\"]", "--set",
                                      "defense.top_k.error_feedback=true"};
const std::vector<std::string> kPrivate{
    "--set", "defense.transforms=[\"clip_noise\"]", "--set", "defense.clip_noise.target_epsilon=20",
    "--set", "federation.weighting=uniform",        "--set", "federation.batch_norm=batch"};

const std::vector<std::string> kDpSgd{
    "--set", "defense.dp_sgd.enabled=true",     "--set", "federation.batch_norm=group",
    "--set", "defense.dp_sgd.target_epsilon=6", "--set", "defense.input_noise=0.05"};

std::vector<std::string> with(std::vector<std::string> arguments, const std::vector<std::string>& more) {
  arguments.insert(arguments.end(), more.begin(), more.end());
  return arguments;
}

TEST(Run, WithDefencesTheBitsDoNotDependOnWorkersOrFidelityEither) {
  const TemporaryFolder folder;
  const std::string plain = hash_of(folder, {});
  for (const auto& defence : {kNoise, kPrivate, kDpSgd}) {
    const std::string expected = hash_of(folder, with({"--workers", "1"}, defence));
    EXPECT_NE(expected, plain);
    EXPECT_EQ(hash_of(folder, with({"--workers", "4"}, defence)), expected);
    EXPECT_EQ(hash_of(folder, with({"--set", "federation.fidelity=fused"}, defence)), expected);
  }
}

TEST(Run, SaysWhatPrivacyItHasSpentAndWhatDefendsIt) {
  const TemporaryFolder folder;
  hash_of(folder, kPrivate);
  const double epsilon = std::stod(test::last_metric(folder / "run", "epsilon"));
  EXPECT_GT(epsilon, 19.9);
  EXPECT_LE(epsilon, 20);
  const auto shown = archleak({"search", "show", (folder / "run").string()}, folder.path()).output;
  EXPECT_THAT(shown, testing::HasSubstr("differential privacy of taking part, against readers of single updates"));
  EXPECT_THAT(shown, testing::HasSubstr("epsilon"));
  hash_of(folder, {});
  EXPECT_EQ(test::last_metric(folder / "run", "epsilon"), "");
}

TEST(Run, SecureAggregationGivesTheSameModelToTheBit) {
  const TemporaryFolder folder;
  const std::vector<std::string> secure{"--set", "federation.secure_aggregation=true"};
  const std::string expected = hash_of(folder, {});
  EXPECT_EQ(hash_of(folder, secure), expected);
  EXPECT_EQ(hash_of(folder, with({"--workers", "4"}, secure)), expected);
}

void expect_resumed_like_whole(const std::vector<std::string>& defences) {
  const TemporaryFolder folder;
  const auto config = test::write_tiny_search(folder.path(), 6);
  const auto whole = folder / "whole";
  const auto cut = folder / "cut";
  ASSERT_EQ(archleak(with({"run", config.string(), "--out", whole.string()}, defences), folder.path()).code, 0);
  const auto process =
      test::start_archleak(with({"run", config.string(), "--out", cut.string()}, defences), folder / "cut.txt");
  ASSERT_TRUE(test::eventually([&] { return test::finished_rounds(cut) >= 2; }));
  process->signal(SIGTERM);
  EXPECT_EQ(process->wait(), 75) << process->output();
  EXPECT_EQ(archleak({"resume", cut.string()}, folder.path()).code, 0);
  EXPECT_EQ(test::last_metric(cut, "model_hash"), test::last_metric(whole, "model_hash"));
  EXPECT_EQ(test::last_metric(cut, "epsilon"), test::last_metric(whole, "epsilon"));
  EXPECT_GT(std::stod(test::last_metric(cut, "epsilon")), 0);
}

TEST(Run, AnInterruptedRunWithDefencesResumesToTheSameBits) {
  expect_resumed_like_whole(with(kPrivate, {"--set", "federation.secure_aggregation=true"}));
}

TEST(Run, AnInterruptedRunUnderDpSgdKeepsItsEpsilon) {
  expect_resumed_like_whole(kDpSgd);
}

TEST(Run, UnderDpSgdSpendsItsTargetInTheEnd) {
  const TemporaryFolder folder;
  hash_of(folder, kDpSgd);
  const double epsilon = std::stod(test::last_metric(folder / "run", "epsilon"));
  EXPECT_GT(epsilon, 5.9);
  EXPECT_LE(epsilon, 6);
}

TEST(Run, EpsilonOfAStrategyNeverFallsAndMeetsItsTargetInTheEnd) {
  const std::map<std::string, std::vector<std::string>> strategies{
      {"pdarts",
       {"--set", "space.layers=4", "--set", "space.stem_multiplier=2", "--set", "search.warmup_rounds=1",  //
        "--set", "search.pdarts.layers=[2, 4]", "--set", "search.pdarts.operations=[8, 4]",                //
        "--set", "search.pdarts.skip_dropout=[0.1, 0.4]", "--set", "federation.secure_aggregation=true"}},
      {"enas", {"--set", "federation.protocol=server_alpha"}}};
  for (const auto& [strategy, settings] : strategies) {
    const TemporaryFolder folder;
    hash_of(folder,
            with(with(kDpSgd, {"--set", "search.strategy=" + strategy, "--set", "federation.rounds=4"}), settings));
    const auto epsilons = test::metric(folder / "run", "epsilon");
    ASSERT_EQ(epsilons.size(), 4u) << strategy;
    double before = 0;
    for (const auto& epsilon : epsilons) {
      EXPECT_GE(std::stod(epsilon), before) << strategy;
      before = std::stod(epsilon);
    }
    EXPECT_GT(before, 5.9) << strategy;
    EXPECT_LE(before, 6) << strategy;
  }
}

TEST(Run, ANetworkIsTrainedFromTheSearchedGenotype) {
  const TemporaryFolder folder;
  hash_of(folder, {});
  const auto ended = archleak({"run", (folder / "tiny.toml").string(), "--out", (folder / "train").string(),  //
                               "--set", "run.workload=train", "--set", "network.name=derived",                //
                               "--set", "network.genotype=" + (folder / "run" / "genotype.json").string(),    //
                               "--set", "network.channels=4", "--set", "network.layers=3"},
                              folder.path());
  EXPECT_EQ(ended.code, 0) << ended.output;
  EXPECT_EQ(test::finished_rounds(folder / "train"), 3);
}

TEST(Run, EveryProtocolRuns) {
  const TemporaryFolder folder;
  for (const char* protocol : {"gradient", "delta", "server_alpha"}) {
    EXPECT_EQ(hash_of(folder, {"--set", std::string("federation.protocol=") + protocol}).size(), 64u) << protocol;
  }
}

TEST(Run, EveryStrategyComesToTheSameGenotypeForAnyNumberOfWorkers) {
  const std::map<std::string, std::vector<std::string>> strategies{
      {"pdarts", {"--set", "space.layers=4", "--set", "space.stem_multiplier=2"}},
      {"enas", {"--set", "federation.protocol=server_alpha", "--set", "federation.batch_norm=batch"}},
      {"smash", {"--set", "federation.batch_norm=batch", "--set", "search.smash.random=5"}}};
  for (const auto& [strategy, settings] : strategies) {
    const TemporaryFolder folder;
    const auto result = [&](const char* workers) {
      const auto hash = hash_of(folder, with({"--workers", workers, "--set", "search.strategy=" + strategy}, settings));
      return hash + read_file(folder / "run" / "genotype.json", 10000);
    };
    const auto one = result("1");
    EXPECT_GT(one.size(), 64u) << strategy;
    EXPECT_EQ(result("3"), one) << strategy;
    EXPECT_TRUE(test::has_event(folder / "run", strategy == "pdarts" ? "stage" : "ranked")) << strategy;
  }
}

TEST(Run, SaysWhatIsWrongWithAConfigurationAndExitsWithTwo) {
  const TemporaryFolder folder;
  const auto config = test::write_tiny_search(folder.path());
  const auto ended = archleak({"run", config.string(), "--set", "federation.cliens=3"}, folder.path());
  EXPECT_EQ(ended.code, 2);
  EXPECT_THAT(ended.output, testing::HasSubstr("the nearest is 'federation.clients'"));
  EXPECT_EQ(archleak({"run"}, folder.path()).code, 2);
  EXPECT_EQ(archleak({"run", (folder / "absent.toml").string()}, folder.path()).code, 2);
  EXPECT_EQ(archleak({"resume", (folder / "absent").string()}, folder.path()).code, 3);
}

TEST(Run, DoesNotOverwriteAnEarlierRunUnasked) {
  const TemporaryFolder folder;
  hash_of(folder, {});
  const auto ended =
      archleak({"run", (folder / "tiny.toml").string(), "--out", (folder / "run").string()}, folder.path());
  EXPECT_EQ(ended.code, 2);
  EXPECT_THAT(ended.output, testing::HasSubstr("--overwrite"));
}

}  // namespace
}  // namespace archleak
