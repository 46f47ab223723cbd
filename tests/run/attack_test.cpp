// From the wire to images: federated searches over a small graph of cells, attacked from what the tap recorded.
#include <gmock/gmock.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "core/csv.h"
#include "tests/run/archleak_program.h"
#include "tests/support/paths.h"

namespace archleak {
namespace {

using test::archleak;
using testing::HasSubstr;

class AttackedRun : public testing::Test {
 protected:
  void SetUp() override {
    std::ofstream(config_) << R"(
[run]
seed = 2
[data]
name = "digits"
train_size = 200
test_size = 1000
[federation]
clients = 2
rounds = 1
protocol = "gradient"
evaluation_shard = 1000
[federation.optimizer.alpha]
lr = 0.01
[federation.optimizer.weights]
lr = 0.01
[partition]
scheme = "iid"
[space]
kind = "graph"
[graph]
cells = 16
channels = 2
[training]
batch_size = 1
[wire]
url = "auto"
[tap]
enabled = true
[workers]
count = 2
)";
  }

  std::filesystem::path run(const std::string& name, const std::vector<std::string>& settings = {},
                            const std::vector<std::string>& further = {}) {
    std::vector<std::string> arguments = {"run", config_.string(), "--out", (folder_ / name).string()};
    for (const auto& setting : settings) arguments.insert(arguments.end(), {"--set", setting});
    arguments.insert(arguments.end(), further.begin(), further.end());
    const auto ended = archleak(arguments, folder_.path());
    EXPECT_EQ(ended.code, 0) << ended.output;
    return folder_ / name;
  }

  /// Attacks the run; the rows of attack.csv by column.
  std::vector<std::map<std::string, std::string>> attack(const std::filesystem::path& run,
                                                         const std::vector<std::string>& further = {}) {
    std::vector<std::string> arguments = {"attack", run.string()};
    arguments.insert(arguments.end(), further.begin(), further.end());
    const auto ended = archleak(arguments, folder_.path());
    EXPECT_EQ(ended.code, 0) << ended.output;
    output_ = ended.output;
    std::ifstream file(run / "attack" / "attack.csv");
    std::vector<std::map<std::string, std::string>> rows;
    std::vector<std::string> names;
    for (std::string line; std::getline(file, line);) {
      const auto fields = split_csv_row(line, "attack.csv");
      if (names.empty()) {
        names = fields;
        continue;
      }
      auto& row = rows.emplace_back();
      for (size_t i = 0; i < names.size(); ++i) row[names[i]] = fields.at(i);
    }
    return rows;
  }

  static nlohmann::json summary(const std::filesystem::path& run) {
    std::ifstream file(run / "attack" / "attack.json");
    return nlohmann::json::parse(file);
  }

  test::TemporaryFolder folder_;
  std::filesystem::path config_ = folder_ / "leak.toml";
  std::string output_;
};

TEST_F(AttackedRun, GivesItsImagesAwayAndTheReportShowsThem) {
  const auto directory = run("plain");
  const auto rows = attack(directory);
  ASSERT_EQ(rows.size(), 2);
  for (const auto& row : rows) {
    EXPECT_EQ(row.at("success"), "1");
    EXPECT_GT(std::stod(row.at("ssim")), std::stod(row.at("null_ssim")) + 0.15);
    EXPECT_LT(std::stod(row.at("unexplained")), 0.5);
  }
  EXPECT_THAT(output_, HasSubstr("rebuilt    2 of 2 images"));
  EXPECT_TRUE(std::filesystem::exists(directory / "attack" / "images.png"));
  std::ifstream report(directory / "report.html");
  const std::string page((std::istreambuf_iterator<char>(report)), {});
  EXPECT_THAT(page, HasSubstr("What the eavesdropper rebuilt"));
  EXPECT_THAT(page, HasSubstr("data:image/png"));
}

TEST_F(AttackedRun, GivesItsImagesAwayToWhoKnowsTheSeedAndNotToWhoKnowsNoWeights) {
  const auto directory = run("weights");
  const auto broadcast = attack(directory);
  const auto seed = attack(directory, {"--weights", "initial_seed"});
  ASSERT_EQ(seed.size(), broadcast.size());
  for (size_t i = 0; i < seed.size(); ++i) EXPECT_EQ(seed[i].at("ssim"), broadcast[i].at("ssim"));
  for (const auto& row : attack(directory, {"--weights", "unknown"})) EXPECT_EQ(row.at("success"), "0");
  EXPECT_EQ(summary(directory)["threat_model"]["Weights"], "unknown");
}

TEST_F(AttackedRun, GivesItsTrainingImagesAwayInTheGradientOfTheWeights) {
  const auto directory = run("classic", {"graph.cells=8"});
  const auto rows = attack(directory, {"--observe", "weights", "--limit", "1", "--iterations", "120"});
  ASSERT_EQ(rows.size(), 1);
  EXPECT_EQ(rows[0].at("success"), "1");
  EXPECT_GT(std::stod(rows[0].at("ssim")), std::stod(rows[0].at("null_ssim")) + 0.3);
  EXPECT_THAT(summary(directory)["threat_model"]["What is read"], HasSubstr("weights"));
  const auto refused =
      archleak({"attack", directory.string(), "--observe", "weights", "--solver", "second_order"}, folder_.path());
  EXPECT_EQ(refused.code, 2);
  EXPECT_THAT(refused.output, HasSubstr("first-order"));
  EXPECT_TRUE(attack(run("withheld", {"federation.withhold_weights=true"}), {"--observe", "weights"}).empty());
  EXPECT_THAT(output_, HasSubstr("withheld"));
}

TEST_F(AttackedRun, OverTheDartsSpaceIsAttackedByFirstOrderSolvers) {
  const auto directory =
      run("darts", {"space.kind=darts", "space.channels=2", "space.layers=2", "space.steps=2", "space.multiplier=2"});
  const auto rows = attack(directory, {"--limit", "1", "--iterations", "30"});
  ASSERT_EQ(rows.size(), 1);
  EXPECT_LT(std::stod(rows[0].at("unexplained")), 1);  // one minus the cosine; noise has about 1
  const auto refused = archleak({"attack", directory.string(), "--solver", "second_order"}, folder_.path());
  EXPECT_EQ(refused.code, 2);
  EXPECT_THAT(refused.output, HasSubstr("first-order"));
}

TEST_F(AttackedRun, GivesItsLabelsAwayToo) {
  const auto rows = attack(run("labels"), {"--labels", "unknown", "--limit", "1"});
  ASSERT_EQ(rows.size(), 1);
  EXPECT_EQ(rows[0].at("label"), rows[0].at("found_label"));
  EXPECT_EQ(rows[0].at("success"), "1");
}

TEST_F(AttackedRun, GivesItsImagesAwayInDifferencesAndValuesOfAlphaAfterAStepOfSgd) {
  for (const std::string protocol : {"delta", "weights"}) {
    const auto rows = attack(run(protocol, {"federation.protocol=" + protocol, "search.alpha_optimizer=sgd",
                                            "search.alpha_lr=0.1", "training.max_steps=1", "federation.rounds=1"}),
                             {"--limit", "1"});
    ASSERT_EQ(rows.size(), 1);
    EXPECT_EQ(rows[0].at("success"), "1") << protocol;
    EXPECT_GT(std::stod(rows[0].at("ssim")), std::stod(rows[0].at("null_ssim")) + 0.2) << protocol;
  }
}

TEST_F(AttackedRun, UnderSecureAggregationThereIsNothingToRead) {
  const auto directory = run("masked", {"federation.secure_aggregation=true"});
  EXPECT_TRUE(attack(directory).empty());
  EXPECT_EQ(summary(directory)["images"], 0);
  EXPECT_THAT(output_, HasSubstr("masked"));
}

TEST_F(AttackedRun, UnderCurveThereIsNothingToRead) {
  const auto keys = folder_ / "keys";
  ASSERT_EQ(archleak({"keys", "new", keys.string()}, folder_.path()).code, 0);
  const auto directory = run("curve", {"wire.curve=on", "wire.keys=" + keys.string()}, {"--bind", "tcp://127.0.0.1:*"});
  EXPECT_TRUE(attack(directory).empty());
  EXPECT_THAT(output_, HasSubstr("ciphertext"));
  EXPECT_FALSE(std::filesystem::exists(directory / "attack" / "images.png"));
}

TEST_F(AttackedRun, IsJudgedByAClassifierThatARunHasTrainedAndNotByAnUnfinishedOne) {
  const auto directory = run("judged");
  const auto without = attack(directory, {"--limit", "1"});
  const auto classifier =
      run("classifier", {"run.workload=train", "network.name=cnn", "federation.protocol=weights",
                         "training.batch_size=32", "training.lr=0", "training.lr_min=0", "tap.enabled=false"});
  const auto with = attack(directory, {"--limit", "1", "--classifier", classifier.string()});
  ASSERT_EQ(with.size(), 1);
  EXPECT_EQ(without.at(0).at("recognised"), "1");
  EXPECT_EQ(with[0].at("recognised"), "0");  // it has learnt nothing, so no class is half certain
  EXPECT_EQ(with[0].at("ssim"), without[0].at("ssim"));
  const auto missing =
      archleak({"attack", directory.string(), "--classifier", (folder_ / "none").string()}, folder_.path());
  EXPECT_EQ(missing.code, 2);
  EXPECT_THAT(missing.output, HasSubstr("finished run"));
}

TEST_F(AttackedRun, SaysWhatIsMissingOrTooLarge) {
  const auto untapped = run("untapped", {"tap.enabled=false"});
  const auto ended = archleak({"attack", untapped.string()}, folder_.path());
  EXPECT_EQ(ended.code, 3);
  EXPECT_THAT(ended.output, HasSubstr("tap.enabled=true"));
  const auto directory = run("batches", {"training.batch_size=8"});
  EXPECT_TRUE(attack(directory, {"--largest-batch", "4"}).empty());
  EXPECT_THAT(output_, HasSubstr("8 images behind an update"));
}

}  // namespace
}  // namespace archleak
