#include "core/results_store.h"

#include <gmock/gmock.h>
#include <signal.h>
#include <spdlog/fmt/fmt.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmath>

#include "core/error.h"
#include "core/file.h"
#include "core/random.h"
#include "core/sqlite.h"
#include "tests/support/paths.h"

namespace archleak {
namespace {

using testing::HasSubstr;

ResultRow row_of(uint64_t seed, const std::string& failure = "") {
  return {.key = {"coin", 1, "bias = 0.5\n", seed},
          .figures = {{"heads", static_cast<double>(seed % 2)}, {"weight", NAN}},
          .artefacts = {{"picture", std::string("a\0b", 3)}},
          .seconds = 1.5,
          .failure = failure};
}

template <typename Thrown>
std::string message_of(const std::filesystem::path& file) {
  try {
    ResultsStore(file, ResultsStore::Open::existing).rows();
  } catch (const Thrown& error) {
    return error.what();
  }
  return "no error";
}

TEST(ResultsStore, GivesBackWhatWasPut) {
  const test::TemporaryFolder folder;
  const ResultRow row = row_of(uint64_t{1} << 63 | 1);
  {
    ResultsStore store(folder / "results.sqlite");
    EXPECT_TRUE(store.put(row));
  }
  const ResultsStore store(folder / "results.sqlite", ResultsStore::Open::existing);
  const auto found = store.find(row.key.hash());
  ASSERT_TRUE(found);
  EXPECT_EQ(found->key.experiment, "coin");
  EXPECT_EQ(found->key.settings, row.key.settings);
  EXPECT_EQ(found->key.seed, row.key.seed);
  EXPECT_EQ(found->figures.at("heads"), 1);
  EXPECT_TRUE(std::isnan(found->figures.at("weight")));
  EXPECT_EQ(found->seconds, 1.5);
  EXPECT_THAT(found->time, testing::MatchesRegex("20..-..-..T..:..:..Z"));
  EXPECT_EQ(store.artefact(row.key.hash(), "picture"), row.artefacts.at("picture"));
  EXPECT_FALSE(store.artefact(row.key.hash(), "sound"));
  EXPECT_EQ(store.artefacts(row.key.hash()), row.artefacts);
  EXPECT_FALSE(store.find(row_of(2).key.hash()));
}

TEST(ResultsStore, ARowThatWasMeasuredElsewhereKeepsItsTime) {
  const test::TemporaryFolder folder;
  ResultsStore store(folder / "results.sqlite");
  ResultRow row = row_of(1);
  row.time = "2024-03-01T12:00:00Z";
  store.put(row);
  EXPECT_EQ(store.find(row.key.hash())->time, row.time);
}

TEST(ResultsStore, ARowIsKnownByEveryPartOfItsKey) {
  const ResultKey key = row_of(1).key;
  std::vector<ResultKey> others(5, key);
  others[0].experiment = "coins";
  others[1].version = 2;
  others[2].settings += " ";
  others[3].seed = 2;
  others[4] = {"coin1", 1, key.settings, 1};
  EXPECT_EQ(key.hash(), row_of(1).key.hash());
  EXPECT_EQ(key.hash().size(), 64u);
  for (const ResultKey& other : others) EXPECT_NE(other.hash(), key.hash());
}

TEST(ResultsStore, AFailedRowIsReplacedAndOneThatDidNotFailStays) {
  const test::TemporaryFolder folder;
  ResultsStore store(folder / "results.sqlite");
  EXPECT_TRUE(store.put(row_of(1, "diverged")));
  EXPECT_EQ(store.find(row_of(1).key.hash())->failure, "diverged");
  EXPECT_TRUE(store.put(row_of(1)));
  ResultRow other = row_of(1, "diverged");
  other.figures["heads"] = 5;
  EXPECT_FALSE(store.put(other));
  ASSERT_EQ(store.rows().size(), 1u);
  EXPECT_EQ(store.rows()[0].failure, "");
  EXPECT_EQ(store.rows()[0].figures.at("heads"), 1);
}

TEST(ResultsStore, RowsComeInTheOrderInWhichTheyWerePut) {
  const test::TemporaryFolder folder;
  ResultsStore store(folder / "results.sqlite");
  for (const uint64_t seed : {5, 1, 9}) store.put(row_of(seed));
  std::vector<uint64_t> seeds;
  for (const ResultRow& row : store.rows()) seeds.push_back(row.key.seed);
  EXPECT_THAT(seeds, testing::ElementsAre(5, 1, 9));
}

TEST(ResultsStore, RemembersTextsAboutTheFile) {
  const test::TemporaryFolder folder;
  ResultsStore store(folder / "results.sqlite");
  EXPECT_FALSE(store.recall("request"));
  store.remember("request", "one");
  store.remember("request", "two");
  EXPECT_EQ(store.recall("request"), "two");
}

TEST(ResultsStore, TwoProcessesWriteToOneFileWithoutLoss) {
  constexpr uint64_t kRows = 40;
  const test::TemporaryFolder folder;
  const auto file = folder / "results.sqlite";
  std::vector<pid_t> children;
  for (const uint64_t first : {uint64_t{0}, kRows / 2}) {  // half of what each writes is also the other's
    const pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      try {
        ResultsStore store(file);
        for (uint64_t seed = first; seed < first + kRows; ++seed) store.put(row_of(seed));
        _exit(0);
      } catch (...) {
        _exit(1);
      }
    }
    children.push_back(child);
  }
  for (const pid_t child : children) {
    int status = -1;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
  }
  const ResultsStore store(file, ResultsStore::Open::existing);
  EXPECT_EQ(store.rows().size(), kRows + kRows / 2);
  for (const ResultRow& row : store.rows()) EXPECT_EQ(row.figures.size(), 2u);
}

TEST(ResultsStore, ProcessesThatMakeOneFileAtOnceAllOpenIt) {
  const test::TemporaryFolder folder;
  for (int time = 0; time < 50; ++time) {  // a few in a hundred were refused when the file was not asked for again
    std::vector<pid_t> children;
    for (int process = 0; process < 3; ++process) {
      const pid_t child = fork();
      ASSERT_GE(child, 0);
      if (child == 0) {
        try {
          ResultsStore(folder / std::to_string(time)).put(row_of(static_cast<uint64_t>(process)));
          _exit(0);
        } catch (...) {
          _exit(1);
        }
      }
      children.push_back(child);
    }
    for (const pid_t child : children) {
      int status = -1;
      ASSERT_EQ(waitpid(child, &status, 0), child);
      EXPECT_EQ(status, 0) << time;
    }
    EXPECT_EQ(ResultsStore(folder / std::to_string(time), ResultsStore::Open::existing).rows().size(), 3u);
  }
}

TEST(ResultsStore, AWriterThatIsKilledLosesNothingThatWasPut) {
  const test::TemporaryFolder folder;
  const auto file = folder / "results.sqlite";
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    ResultsStore store(file);
    for (uint64_t seed = 0; seed < 5; ++seed) store.put(row_of(seed));
    kill(getpid(), SIGKILL);
  }
  int status = 0;
  waitpid(child, &status, 0);
  ASSERT_TRUE(WIFSIGNALED(status));
  EXPECT_EQ(ResultsStore(file, ResultsStore::Open::existing).rows().size(), 5u);
}

TEST(ResultsStore, AFileThatIsNotThereIsMadeOnlyIfAsked) {
  const test::TemporaryFolder folder;
  EXPECT_THAT(message_of<DataError>(folder / "results.sqlite"), HasSubstr("expected a file of results, got none"));
  EXPECT_THROW(ResultsStore(folder / "missing" / "results.sqlite"), Error);
}

TEST(ResultsStore, AForeignFileIsAnErrorThatNamesItAndStaysAsItIs) {
  const test::TemporaryFolder folder;
  const auto file = folder / "results.sqlite";
  write_file_atomically(file, std::string(5000, 'x'));
  EXPECT_THAT(message_of<DataError>(file), HasSubstr(file.string() + ": expected a file of results, got a damaged"));
  EXPECT_EQ(read_file(file), std::string(5000, 'x'));
  const auto other = folder / "other.sqlite";
  Database(other, true).run("CREATE TABLE mine (value)", "test");
  const std::string before = read_file(other);
  EXPECT_THAT(message_of<DataError>(other), HasSubstr("of another program"));
  EXPECT_EQ(read_file(other), before);
}

TEST(ResultsStore, AFileOfANewerVersionIsACheckpointError) {
  const test::TemporaryFolder folder;
  const auto file = folder / "results.sqlite";
  ResultsStore{file};
  Database(file, false).run("PRAGMA user_version = 2", "test");
  EXPECT_THAT(message_of<CheckpointError>(file),
              HasSubstr("expected results of version 1, got 2; use the archleak that wrote them"));
}

TEST(ResultsStore, ADamagedFileIsATypedErrorOrReadsAsItWas) {
  const test::TemporaryFolder folder;
  const auto file = folder / "results.sqlite";
  {
    ResultsStore store(file);
    for (uint64_t seed = 0; seed < 30; ++seed) store.put(row_of(seed));
  }
  const std::string good = read_file(file);
  RandomEngine engine = make_engine({.seed = 7, .purpose = "damage"});
  for (int round = 0; round < 60; ++round) {
    std::string bad = good;
    if (round % 2 == 0) {
      bad.resize(static_cast<size_t>(uniform_index(static_cast<int64_t>(good.size()), engine)));
    } else {
      const auto at = static_cast<size_t>(uniform_index(static_cast<int64_t>(good.size()) - 64, engine));
      for (size_t i = at; i < at + 64; ++i) bad[i] = static_cast<char>(uniform_index(256, engine));
    }
    const auto copy = folder / fmt::format("bad{}.sqlite", round);
    write_file_atomically(copy, bad);
    try {
      const ResultsStore store(copy, ResultsStore::Open::existing);
      EXPECT_LE(store.rows().size(), 30u);
    } catch (const Error& error) {
      EXPECT_THAT(error.what(), HasSubstr(copy.string()));
    }
  }
}

}  // namespace
}  // namespace archleak
