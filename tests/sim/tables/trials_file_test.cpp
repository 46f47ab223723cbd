#include "sim/tables/trials_file.h"

#include <gmock/gmock.h>

#include "core/error.h"
#include "core/file.h"
#include "core/random.h"
#include "tests/support/paths.h"

namespace archleak::sim {
namespace {

using testing::HasSubstr;
using testing::Pair;
using testing::UnorderedElementsAre;

const std::string kHead = "side,trial,seed,key,state,error,trial_seconds,time,heads,weight\n";

class TrialsFile : public testing::Test {
 protected:
  TrialsByHash read(const std::string& text) {
    write_file_atomically(file_, text);
    return read_trials(file_);
  }

  std::string error_of(const std::string& text) {
    try {
      read(text);
    } catch (const DataError& error) {
      return error.what();
    }
    return "no error";
  }

  archleak::test::TemporaryFolder folder_;
  std::string file_ = folder_ / "trials.csv";
};

TEST_F(TrialsFile, HasTheFiguresOfTrialsThatDidNotFail) {
  const auto trials = read(kHead +
                           "\"a, b\",0,1,k0,done,,2.5,2026-01-01T00:00:00Z,1,0.1\n"
                           "tails,1,2,k1,done,,3,2026-01-01T00:00:01Z,0,\n"
                           "tails,2,3,k2,failed,\"the coin, it rolled away\",1,2026-01-01T00:00:02Z,,\n"
                           "tails,3,4,k3,missing,,,,,\n");
  ASSERT_EQ(trials.size(), 2u);
  EXPECT_THAT(trials.at("k0").figures, UnorderedElementsAre(Pair("heads", 1), Pair("weight", 0.1)));
  EXPECT_EQ(trials.at("k0").seconds, 2.5);
  EXPECT_THAT(trials.at("k1").figures, UnorderedElementsAre(Pair("heads", 0)));
}

TEST_F(TrialsFile, AnotherFileIsAnErrorThatNamesTheLineAndWhatToDo) {
  EXPECT_THAT(error_of(""), HasSubstr("archleak table show"));
  EXPECT_THAT(error_of("side,trial,seed,state,error,trial_seconds,time,heads\n"),
              HasSubstr("trials.csv:1: expected the columns trial, seed, key"));
  EXPECT_THAT(error_of(kHead + "tails,0,1\n"), HasSubstr("trials.csv:2: expected 10 fields, got 3"));
  EXPECT_THAT(error_of(kHead + "tails,0,1,k,done,,2,now,one,\n"),
              HasSubstr("trials.csv:2: expected a number, got 'one'"));
  EXPECT_THAT(error_of(kHead + "tails,0,1,k,done,,,now,1,\n"), HasSubstr("expected a number, got ''"));
  EXPECT_THAT(error_of(kHead + "tails,0,1,k,done,,2,now,1e999,\n"), HasSubstr("got '1e999'"));
  EXPECT_THAT(error_of(kHead + "\"tails,0\n"), HasSubstr("trials.csv:2"));
  EXPECT_THROW(read_trials(folder_ / "none.csv"), DataError);
}

TEST_F(TrialsFile, CutOffAnywhereItIsReadOrATypedError) {
  const std::string whole = kHead + "tails,0,1,k0,done,,2.5,now,1,0.125\nheads,1,2,k1,done,,3,now,0,0.5\n";
  for (size_t size = 0; size < whole.size(); ++size) {
    try {
      EXPECT_LE(read(whole.substr(0, size)).size(), 2u);
    } catch (const DataError&) {
      // Said, and nothing worse.
    }
  }
}

TEST_F(TrialsFile, RandomBytesAreATypedError) {
  for (uint64_t seed = 0; seed < 200; ++seed) {
    RandomEngine random = make_engine({.seed = seed, .purpose = "bytes"});
    std::string bytes(1 + uniform_index(300, random), ' ');
    for (char& byte : bytes) byte = static_cast<char>(uniform_index(256, random));
    EXPECT_NE(error_of(bytes), "no error") << seed;
  }
}

}  // namespace
}  // namespace archleak::sim
