// The eavesdropper in real runs: it sees everything and changes nothing.
#include <gmock/gmock.h>
#include <signal.h>

#include <fstream>
#include <set>

#include "core/csv.h"
#include "tests/run/archleak_program.h"
#include "tests/support/paths.h"

namespace archleak {
namespace {

using test::archleak;
using testing::HasSubstr;

constexpr int64_t kRounds = 3;

/// The rows of `capture show --csv`, or of another table, by column.
std::vector<std::map<std::string, std::string>> table(const std::string& text) {
  std::vector<std::map<std::string, std::string>> rows;
  std::istringstream lines(text);
  std::vector<std::string> names;
  for (std::string line; std::getline(lines, line);) {
    const auto fields = split_csv_row(line, "table");
    if (names.empty()) {
      names = fields;
      continue;
    }
    auto& row = rows.emplace_back();
    for (size_t i = 0; i < names.size() && i < fields.size(); ++i) row[names[i]] = fields[i];
  }
  return rows;
}

std::string read_text(const std::filesystem::path& file) {
  std::ifstream stream(file);
  return {std::istreambuf_iterator<char>(stream), {}};
}

class TappedRun : public testing::Test {
 protected:
  /// Runs the tiny search to its end; the global model's hash.
  std::string run(const std::string& name, const std::vector<std::string>& further) {
    std::vector<std::string> arguments = {"run", config_.string(), "--out", (folder_ / name).string()};
    arguments.insert(arguments.end(), further.begin(), further.end());
    const auto ended = archleak(arguments, folder_.path());
    EXPECT_EQ(ended.code, 0) << ended.output;
    return test::last_metric(folder_ / name, "model_hash");
  }

  std::filesystem::path capture(const std::string& name) const { return folder_ / name / "capture.alcap"; }

  std::vector<std::map<std::string, std::string>> show(const std::filesystem::path& file) {
    const auto ended = archleak({"capture", "show", file.string(), "--csv"}, folder_.path());
    EXPECT_EQ(ended.code, 0) << ended.output;
    return table(ended.output);
  }

  test::TemporaryFolder folder_;
  const std::filesystem::path config_ = test::write_tiny_search(folder_.path(), kRounds);
};

TEST_F(TappedRun, TheModelIsTheSameToTheBitAndEveryUpdateIsInTheCapture) {
  const std::string expected = run("plain", {});
  EXPECT_FALSE(std::filesystem::exists(capture("plain")));
  EXPECT_EQ(run("ipc", {"--set", "tap.enabled=true"}), expected);
  EXPECT_EQ(run("tcp", {"--set", "tap.enabled=true", "--bind", "tcp://127.0.0.1:*"}), expected);
  for (const std::string name : {"ipc", "tcp"}) {
    std::set<std::pair<std::string, std::string>> updates;
    for (const auto& row : show(capture(name))) {
      EXPECT_NE(row.at("kind"), "unreadable") << row.at("note");
      if (row.at("kind") != "outcome" || row.at("client").empty()) continue;
      EXPECT_THAT(row.at("worker"), testing::StartsWith("worker-"));
      EXPECT_EQ(row.at("direction"), "up");
      if (row.at("note").find("an update") != std::string::npos) updates.insert({row.at("round"), row.at("client")});
    }
    EXPECT_EQ(updates.size(), kRounds * 6u) << name;
  }
}

TEST_F(TappedRun, ExportSplitsMessagesByTheConfigurationOnTheWire) {
  run("a", {"--set", "tap.enabled=true", "--set", "federation.protocol=gradient"});
  const auto out = folder_ / "out";
  const auto ended = archleak({"capture", "export", capture("a").string(), out.string()}, folder_.path());
  ASSERT_EQ(ended.code, 0) << ended.output;
  std::map<std::string, int> segments;
  for (const auto& row : table(read_text(out / "index.csv"))) {
    EXPECT_TRUE(std::filesystem::exists(out / row.at("file"))) << row.at("file");
    if (row.at("kind") == "update") ++segments[row.at("segment")];
  }
  EXPECT_EQ(segments["weights"], kRounds * 6);
  EXPECT_EQ(segments["alpha"], kRounds * 6);
  EXPECT_EQ(segments[""], 0);

  const auto tensors = folder_ / "tensors";
  EXPECT_EQ(
      archleak({"capture", "export", capture("a").string(), tensors.string(), "--split", "tensor"}, folder_.path())
          .code,
      0);
  EXPECT_GT(table(read_text(tensors / "index.csv")).size(), 100u);
  EXPECT_EQ(archleak({"capture", "export", capture("a").string(), tensors.string()}, folder_.path()).code, 2);
}

TEST_F(TappedRun, UnderCurveTheCaptureShowsSizesAndTimesOnly) {
  const std::string keys = (folder_ / "keys").string();
  ASSERT_EQ(archleak({"keys", "new", keys}, folder_.path()).code, 0);
  run("curve", {"--set", "tap.enabled=true", "--bind", "tcp://127.0.0.1:*", "--set", "wire.curve=on", "--set",
                "wire.keys=" + keys});
  std::map<std::string, int> kinds;
  for (const auto& row : show(capture("curve"))) {
    ++kinds[row.at("kind")];
    EXPECT_EQ(row.at("worker"), "");
    EXPECT_EQ(row.at("round"), "");
    EXPECT_GT(std::stoll(row.at("bytes")), 0);
  }
  EXPECT_GT(kinds["ciphertext"], kRounds * 6);
  for (const auto& [kind, count] : kinds) {
    EXPECT_TRUE(kind == "greeting" || kind == "command" || kind == "ciphertext") << kind;
  }
  const auto ended =
      archleak({"capture", "export", capture("curve").string(), (folder_ / "out").string()}, folder_.path());
  EXPECT_EQ(ended.code, 3);
  EXPECT_THAT(ended.output, HasSubstr("ciphertext (CURVE)"));
}

TEST_F(TappedRun, UnderSecureAggregationEveryUpdateInTheCaptureIsMasked) {
  const std::string expected = run("plain", {});
  EXPECT_EQ(run("masked", {"--set", "tap.enabled=true", "--set", "federation.secure_aggregation=true"}), expected);
  int masked = 0;
  for (const auto& row : show(capture("masked"))) {
    EXPECT_EQ(row.at("note").find("an update"), std::string::npos) << row.at("note");
    masked += row.at("note").find("a masked update") != std::string::npos;
  }
  EXPECT_EQ(masked, kRounds * 6);
  const auto out = folder_ / "out";
  const auto ended = archleak({"capture", "export", capture("masked").string(), out.string()}, folder_.path());
  EXPECT_EQ(ended.code, 0);
  EXPECT_THAT(ended.output, HasSubstr("all of them masked (secure aggregation)"));
  for (const auto& row : table(read_text(out / "index.csv"))) EXPECT_NE(row.at("kind"), "update");
}

TEST_F(TappedRun, ARunThatIsResumedAddsASegment) {
  const auto config = test::write_tiny_search(folder_.path(), 6);
  const auto cut = folder_ / "cut";
  const auto process = test::start_archleak(
      {"run", config.string(), "--out", cut.string(), "--set", "tap.enabled=true"}, folder_ / "cut.txt");
  ASSERT_TRUE(test::eventually([&] { return test::finished_rounds(cut) >= 2; }));
  process->signal(SIGTERM);
  EXPECT_EQ(process->wait(), 75) << process->output();
  const auto resumed = archleak({"resume", cut.string()}, folder_.path());
  ASSERT_EQ(resumed.code, 0) << resumed.output;
  std::set<std::string> segments;
  for (const auto& row : show(capture("cut"))) segments.insert(row.at("segment"));
  EXPECT_EQ(segments, (std::set<std::string>{"1", "2"}));
}

TEST_F(TappedRun, ATapThatIsKilledCostsNoRound) {
  const std::string expected = run("plain", {"--set", "federation.rounds=6"});
  const auto name = folder_ / "killed";
  const auto process = test::start_archleak(
      {"run", config_.string(), "--out", name.string(), "--set", "federation.rounds=6", "--set", "tap.enabled=true"},
      folder_ / "killed.txt");
  ASSERT_TRUE(test::eventually([&] { return test::finished_rounds(name) >= 2; }));
  const pid_t tap = test::child_of(process->pid(), "tap");
  ASSERT_GT(tap, 0);
  ::kill(tap, SIGKILL);
  EXPECT_EQ(process->wait(), 0) << process->output();
  EXPECT_EQ(test::last_metric(name, "model_hash"), expected);
  std::set<std::string> segments;
  for (const auto& row : show(capture("killed"))) segments.insert(row.at("segment"));
  EXPECT_EQ(segments.size(), 2u);
}

TEST_F(TappedRun, ATapByHandStandsBetweenACoordinatorAndItsWorkers) {
  const std::string expected = run("plain", {});
  const std::string inner = "ipc://" + (folder_ / "c").string();
  const std::string outer = "ipc://" + (folder_ / "t").string();
  const auto file = folder_ / "hand.alcap";
  const auto tap =
      test::start_archleak({"tap", "--listen", outer, "--connect", inner, "--out", file.string()}, folder_ / "tap.txt");
  const auto worker = test::start_archleak({"worker", "--connect", outer, "--name", "a"}, folder_ / "worker.txt");
  const auto coordinator = test::start_archleak(
      {"coordinator", config_.string(), "--out", (folder_ / "run").string(), "--bind", inner}, folder_ / "run.txt");
  EXPECT_EQ(coordinator->wait(), 0) << coordinator->output();
  EXPECT_EQ(worker->wait(), 0) << worker->output();
  tap->signal(SIGINT);
  EXPECT_EQ(tap->wait(), 0) << tap->output();
  EXPECT_EQ(test::last_metric(folder_ / "run", "model_hash"), expected);
  EXPECT_THAT(archleak({"capture", "show", file.string()}, folder_.path()).output, HasSubstr("outcome"));
}

TEST_F(TappedRun, WhereThereIsNoWireTheConfigurationIsRefused) {
  const auto ended = archleak({"run", config_.string(), "--out", (folder_ / "x").string(), "--set", "tap.enabled=true",
                               "--set", "wire.url=inproc://a"},
                              folder_.path());
  EXPECT_EQ(ended.code, 2);
  EXPECT_THAT(ended.output, HasSubstr("a wire to listen on"));
}

TEST_F(TappedRun, AFileThatIsNoCaptureIsADataError) {
  for (const char* action : {"show", "export", "import"}) {
    std::vector<std::string> arguments = {"capture", action, config_.string()};
    if (std::string(action) == "export") arguments.push_back((folder_ / "out").string());
    if (std::string(action) == "import") arguments.insert(arguments.end(), {"--out", (folder_ / "out.alcap").string()});
    const auto ended = archleak(arguments, folder_.path());
    EXPECT_EQ(ended.code, 3) << action << ended.output;
    EXPECT_THAT(ended.output, HasSubstr("tiny.toml"));
  }
}

}  // namespace
}  // namespace archleak
