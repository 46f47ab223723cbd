// Tables that need a run first.
#include <gmock/gmock.h>

#include <fstream>

#include "tests/run/archleak_program.h"
#include "tests/support/paths.h"

namespace archleak {
namespace {

using test::archleak;
using testing::HasSubstr;
using testing::Not;

TEST(Table, MakesTheRunThatItNeedsOnceAndRefusesAFolderThatIsNone) {
  const test::TemporaryFolder folder;
  const auto classifier = folder / "classifier";
  std::ofstream(folder / "classifier.toml") << R"(
[run]
workload = "train"
[data]
name = "digits"
train_size = 120
test_size = 40
[federation]
clients = 2
rounds = 2
protocol = "weights"
[network]
name = "cnn"
[wire]
url = "auto"
)";
  std::ofstream(folder / "table.toml") << R"(
id = "needs-a-run"
title = "A table that needs a run"
experiment = "reconstruction"
[settings]
graph.cells = 8
graph.channels = 1
data.name = "digits"
data.train_size = 300
data.test_size = 60
success.classifier = ")" << classifier.string()
                                       << R"("
[[runs]]
setting = "success.classifier"
config = "classifier.toml"
[axes]
batch = { setting = "attack.batch", values = [1] }
[layout]
rows = ["batch"]
[[figures]]
name = "probability"
label = "Probability"
kind = "mean"
)";
  const auto table = [&](std::vector<std::string> further) {
    further.insert(further.begin(), {"table", (folder / "table.toml").string(), "--out", (folder / "out").string()});
    return archleak(further, folder.path());
  };
  const auto first = table({"--trials", "1"});
  ASSERT_EQ(first.code, 0) << first.output;
  EXPECT_THAT(first.output, HasSubstr("the table needs the run"));
  EXPECT_EQ(test::finished_rounds(classifier), 2);

  const auto second = table({"--trials", "2", "--resume"});
  EXPECT_EQ(second.code, 0) << second.output;
  EXPECT_THAT(second.output, Not(HasSubstr("the table needs the run")));

  std::ofstream(folder / "classifier.toml", std::ios::app) << "[training]\nlr = 0.5\n";
  const auto other = table({"--trials", "3", "--resume"});
  EXPECT_EQ(other.code, 2) << other.output;
  EXPECT_THAT(other.output, HasSubstr("another configuration"));
  const auto own = table({"--trials", "3", "--resume", "--set", "success.classifier=" + classifier.string()});
  EXPECT_EQ(own.code, 0) << "a run of one's own choice: " << own.output;

  std::filesystem::remove_all(classifier);
  std::filesystem::create_directory(classifier);
  const auto foreign = table({"--trials", "4", "--resume"});
  EXPECT_EQ(foreign.code, 3) << "a folder that is no run: " << foreign.output;
}

}  // namespace
}  // namespace archleak
