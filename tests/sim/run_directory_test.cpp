#include "sim/run_directory.h"

#include <gmock/gmock.h>

#include <cmath>
#include <fstream>
#include <limits>

#include "core/error.h"
#include "core/file.h"
#include "tests/support/paths.h"

namespace archleak::sim {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::MatchesRegex;

RoundMetrics round_metrics(int64_t round) {
  return {.time = "2025-01-31T09:05:00.123Z",
          .round = round,
          .phase = "search",
          .test_accuracy = 0.1 + 0.2,  // not a short decimal
          .train_loss = 1.0 / 3,
          .broadcast_s = 0.25,
          .bytes_up = int64_t{1} << 40,
          .clients = 16,
          .model_hash = "ab12"};
}

void append_text(const fs::path& file, const std::string& text) {
  std::ofstream(file, std::ios::app | std::ios::binary) << text;
}

template <typename Function>
std::string error_of(Function&& function) {
  try {
    function();
  } catch (const DataError& error) {
    return error.what();
  }
  return "no error";
}

class RunDirectoryTest : public testing::Test {
 protected:
  test::TemporaryFolder folder_;
  fs::path path_ = folder_ / "run";
};

TEST_F(RunDirectoryTest, RowsReadBackToTheSameBits) {
  RunDirectory run = RunDirectory::create(path_, false);
  RoundMetrics odd = round_metrics(2);
  odd.test_loss = std::numeric_limits<double>::infinity();
  odd.epsilon = 5e-324;
  odd.test_accuracy.reset();
  run.append_metrics(round_metrics(1));
  run.append_metrics(odd);
  EXPECT_EQ(RunDirectory::open(path_).read_metrics(), (std::vector{round_metrics(1), odd}));
}

TEST_F(RunDirectoryTest, ADivergedLossReadsBackAsNotANumber) {
  RunDirectory run = RunDirectory::create(path_, false);
  RoundMetrics diverged = round_metrics(1);
  diverged.train_loss = std::nan("");
  run.append_metrics(diverged);
  EXPECT_TRUE(std::isnan(run.read_metrics().at(0).train_loss.value()));
}

TEST_F(RunDirectoryTest, EveryRowHasAsManyFieldsAsTheHeader) {
  RunDirectory run = RunDirectory::create(path_, false);
  run.append_metrics({});
  const std::string text = read_file(run.metrics());
  const size_t first = text.find('\n');
  EXPECT_EQ(std::count(text.begin(), text.begin() + static_cast<long>(first), ','),
            std::count(text.begin() + static_cast<long>(first), text.end(), ','));
  EXPECT_THAT(text.substr(0, first), testing::StartsWith("time,round,phase,test_accuracy,"));
}

TEST_F(RunDirectoryTest, FillsInTheTime) {
  RunDirectory run = RunDirectory::create(path_, false);
  run.append_metrics({});
  EXPECT_THAT(run.read_metrics().at(0).time, MatchesRegex("20..-..-..T..:..:..\\....Z"));
}

TEST_F(RunDirectoryTest, APartialLastLineIsLeftOutByReadersAndDroppedByTheNextWriter) {
  RunDirectory::create(path_, false).append_metrics(round_metrics(1));
  const std::string whole = read_file(path_ / "metrics.csv");
  append_text(path_ / "metrics.csv", "2025-01-31T09:06");
  append_text(path_ / "events.jsonl", R"({"time": "2025)");

  RunDirectory run = RunDirectory::open(path_);
  EXPECT_EQ(run.read_metrics().size(), 1u);
  EXPECT_TRUE(run.read_events().empty());
  EXPECT_NE(read_file(run.metrics()), whole) << "reading must not change a file that another process may be writing";

  run.append_metrics(round_metrics(2));
  run.append_event("checkpoint");
  EXPECT_EQ(run.read_metrics(), (std::vector{round_metrics(1), round_metrics(2)}));
  EXPECT_EQ(run.read_events().size(), 1u);
}

TEST_F(RunDirectoryTest, TruncationDropsTheRowsThatAResumedRunWritesAgain) {
  RunDirectory run = RunDirectory::create(path_, false);
  for (int64_t round = 1; round <= 5; ++round) run.append_metrics(round_metrics(round));
  run.append_event("checkpoint", {{"round", 3}});
  run.truncate_metrics(3);
  run.append_metrics(round_metrics(4));
  std::vector<int64_t> rounds;
  for (const RoundMetrics& metrics : run.read_metrics()) rounds.push_back(metrics.round);
  EXPECT_THAT(rounds, testing::ElementsAre(1, 2, 3, 4));
  EXPECT_EQ(run.read_events().size(), 1u);
}

TEST_F(RunDirectoryTest, EventsKeepTheirFieldsInOrder) {
  RunDirectory run = RunDirectory::create(path_, false);
  run.append_event("worker_lost", {{"worker", "worker 2"}, {"round", 7}, {"bad", "\xff"}, {"nan", std::nan("")}});
  const auto events = run.read_events();
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0].kind, "worker_lost");
  EXPECT_EQ(events[0].fields.dump(), R"({"worker":"worker 2","round":7,"bad":")"
                                     "\xef\xbf\xbd"
                                     R"(","nan":null})");
}

TEST_F(RunDirectoryTest, TheLastStartOrResumeGivesTheFacts) {
  RunDirectory run = RunDirectory::create(path_, false);
  EXPECT_FALSE(run.read_facts());
  RunFacts facts{.name = "demo", .seed = 7, .clients = 16, .curve = true, .defenses = {"clip", "noise"}};
  run.append_start(facts);
  facts.workers = 3;
  run.append_start(facts);
  EXPECT_EQ(run.read_facts(), facts);
  EXPECT_EQ(run.read_events().at(0).kind, "start");
  EXPECT_EQ(run.read_events().at(1).kind, "resume");
}

TEST_F(RunDirectoryTest, ClientsReadBackWithAnyClassNames) {
  RunDirectory run = RunDirectory::create(path_, false);
  EXPECT_FALSE(run.read_clients());
  run.write_clients({{"a, b", "\"c\""}, {{1, 2}, {0, 30}}});
  const auto clients = run.read_clients();
  ASSERT_TRUE(clients);
  EXPECT_THAT(clients->class_names, testing::ElementsAre("a, b", "\"c\""));
  EXPECT_EQ(clients->counts, (std::vector<std::vector<int64_t>>{{1, 2}, {0, 30}}));
}

TEST_F(RunDirectoryTest, NeverReplacesWhatIsNotARun) {
  fs::create_directories(path_);
  append_text(path_ / "thesis.tex", "years of work");
  EXPECT_THROW(RunDirectory::create(path_, true), ConfigError);
  EXPECT_THROW(RunDirectory::create(path_ / "thesis.tex", true), ConfigError);
  append_text(path_ / "metrics.csv", "some,other,table\n");
  EXPECT_THROW(RunDirectory::create(path_, true), ConfigError);
  EXPECT_EQ(read_file(path_ / "thesis.tex"), "years of work");
}

TEST_F(RunDirectoryTest, ReplacesAnEarlierRunOnlyWhenAsked) {
  RunDirectory::create(path_, false).append_metrics(round_metrics(1));
  EXPECT_THROW(RunDirectory::create(path_, false), ConfigError);
  EXPECT_EQ(RunDirectory::open(path_).read_metrics().size(), 1u);
  EXPECT_TRUE(RunDirectory::create(path_, true).read_metrics().empty());
}

TEST_F(RunDirectoryTest, SaysFileLineAndColumnOfABadRow) {
  RunDirectory run = RunDirectory::create(path_, false);
  run.append_metrics(round_metrics(1));
  append_text(run.metrics(), "t,2,search,high,,,,0,0,0,0,0,0,0,0,0,0,,\n");
  EXPECT_THAT(error_of([&] { run.read_metrics(); }),
              HasSubstr("metrics.csv:3: test_accuracy: expected a number, got 'high'"));
}

TEST_F(RunDirectoryTest, RefusesBadTables) {
  RunDirectory run = RunDirectory::create(path_, false);
  const std::string header = metrics_header() + "\n";
  for (const std::string& bad : {std::string("1,2,3"), std::string("\"open"), std::string(18, ','),
                                 std::string(19, ','), std::string("\0\x01\xff,", 4)}) {
    write_file_atomically(run.metrics(), header + bad + "\n");
    EXPECT_THROW(run.read_metrics(), DataError) << bad;
  }
  write_file_atomically(run.metrics(), "time,round\n");
  EXPECT_THAT(error_of([&] { run.read_metrics(); }), HasSubstr("metrics.csv:1: expected the columns"));
  for (const std::string bad : {"{", "[1]", "{\"time\": \"x\"}", "{\"kind\": 3, \"time\": \"x\"}", "\xff"}) {
    write_file_atomically(run.events(), bad + "\n");
    EXPECT_THAT(error_of([&] { run.read_events(); }), HasSubstr("events.jsonl:1: expected")) << bad;
  }
  write_file_atomically(run.events(), "{\"time\": \"x\", \"kind\": \"start\", \"rounds\": \"many\"}\n");
  EXPECT_THAT(error_of([&] { run.read_facts(); }), HasSubstr("rounds: expected another type, got \"many\""));
  for (const char* bad : {"", "client,examples\n", "a,b,c\n", "client,examples,x\n0,1\n", "client,examples,x\n0,1,-1\n",
                          "client,examples,x\n0,1,\n", "client,examples,x\n0,1,99999999999999999999\n"}) {
    write_file_atomically(run.clients(), bad);
    EXPECT_THROW(run.read_clients(), DataError) << bad;
  }
}

TEST_F(RunDirectoryTest, OpeningWhatIsNoRunSaysSo) {
  EXPECT_THAT(error_of([&] { RunDirectory::open(path_); }), HasSubstr("expected a run directory, got nothing"));
}

TEST_F(RunDirectoryTest, LogFilesAreNamedByRole) {
  const RunDirectory run = RunDirectory::create(path_, false);
  EXPECT_EQ(run.log("worker 2").filename(), "worker-2.log");
}

}  // namespace
}  // namespace archleak::sim
