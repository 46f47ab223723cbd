#include "sim/table_command.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <filesystem>

#include "core/error.h"
#include "core/file.h"
#include "core/results_store.h"
#include "core/sqlite.h"
#include "tests/sim/tables/coin.h"
#include "tests/support/paths.h"

namespace archleak::sim {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

class TableCommand : public testing::Test {
 protected:
  void SetUp() override { write_file_atomically(file_, test::kCoinTable); }

  /// Runs `archleak table ...` and returns what it prints.
  std::string run(std::vector<std::string> words) {
    CLI::App app;
    const auto prepare = [this](const TablePlan&, const std::atomic<bool>&) { return prepared_; };
    add_table_command(app, {test::coin(habits_)}, prepare, exit_code_);
    std::reverse(words.begin(), words.end());
    words.push_back("table");
    testing::internal::CaptureStdout();
    testing::internal::CaptureStderr();
    try {
      app.parse(words);
    } catch (...) {
      testing::internal::GetCapturedStdout();
      errors_ = testing::internal::GetCapturedStderr();
      throw;
    }
    errors_ = testing::internal::GetCapturedStderr();
    return testing::internal::GetCapturedStdout();
  }

  std::string error_of(const std::vector<std::string>& words) {
    try {
      run(words);
    } catch (const std::exception& error) {
      return error.what();
    }
    return "no error";
  }

  archleak::test::TemporaryFolder folder_;
  std::string file_ = folder_ / "coins.toml";
  std::string out_ = folder_ / "out";
  std::shared_ptr<test::CoinHabits> habits_ = std::make_shared<test::CoinHabits>();
  int exit_code_ = 0;
  bool prepared_ = true;
  std::string errors_;
};

TEST_F(TableCommand, RunsNoTrialWhereItsPreparationWasStopped) {
  prepared_ = false;
  run({file_, "--out", out_, "--trials", "3"});
  EXPECT_EQ(exit_code_, static_cast<int>(ExitCode::interrupted));
  EXPECT_EQ(habits_->thrown, 0);
  EXPECT_THAT(errors_, HasSubstr("--resume"));
  prepared_ = true;
  run({file_, "--out", out_, "--resume"});
  EXPECT_EQ(exit_code_, 0);
  EXPECT_GT(habits_->thrown, 0);
}

TEST_F(TableCommand, PreparesNothingWhereNoTrialIsLeft) {
  run({file_, "--out", out_, "--trials", "3"});
  prepared_ = false;  // would be a stopped table
  run({file_, "--out", out_, "--resume"});
  EXPECT_EQ(exit_code_, 0);
}

TEST_F(TableCommand, RunsATableAndWritesEveryFormat) {
  const std::string text = run({file_, "--out", out_, "--trials", "5", "--jobs", "2"});
  EXPECT_EQ(exit_code_, 0);
  EXPECT_THAT(text, HasSubstr("5 trials a cell"));
  EXPECT_THAT(text, HasSubstr(out_ + "/table.html"));
  for (const char* name :
       {"results.sqlite", "table.csv", "trials.csv", "table.tex", "table.html", "table.json", "table.md"}) {
    EXPECT_TRUE(std::filesystem::exists(std::filesystem::path(out_) / name)) << name;
  }
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(out_), {}), 7);
}

TEST_F(TableCommand, AnEarlierTableIsKeptUnlessItIsResumed) {
  run({file_, "--out", out_, "--trials", "3", "--seed", "4"});
  EXPECT_EQ(error_of({file_, "--out", out_}),
            out_ + ": expected no table there, got one; continue it with --resume, or name another folder with --out");
  EXPECT_EQ(error_of({file_, "--out", out_ + "2", "--resume"}),
            out_ + "2: expected a table to resume, got none; run it without --resume");
  EXPECT_FALSE(std::filesystem::exists(out_ + "2"));
}

TEST_F(TableCommand, ResumingTakesWhatTheEarlierRunWasAskedFor) {
  run({file_, "--out", out_, "--trials", "3", "--seed", "4", "--set", "coin.fails=false"});
  EXPECT_EQ(habits_->thrown, 18);
  const std::string same = run({file_, "--out", out_, "--resume"});
  EXPECT_EQ(habits_->thrown, 18);
  EXPECT_THAT(same, HasSubstr("3 trials a cell, seed 4"));
  run({file_, "--out", out_, "--resume", "--trials", "4"});
  EXPECT_EQ(habits_->thrown, 24);
}

TEST_F(TableCommand, ShowsATableAgainFromItsResults) {
  const std::string first = run({file_, "--out", out_, "--trials", "3"});
  std::filesystem::remove(std::filesystem::path(out_) / "table.csv");
  std::filesystem::remove(file_);
  EXPECT_EQ(run({"show", out_}), first);
  EXPECT_TRUE(std::filesystem::exists(std::filesystem::path(out_) / "table.csv"));
  EXPECT_EQ(habits_->thrown, 18);
}

TEST_F(TableCommand, FailedTrialsAreAnErrorOfTheRunAndNamedOnTheScreen) {
  const std::string text = run({file_, "--out", out_, "--trials", "3", "--set", "coin.fails=true"});
  EXPECT_EQ(exit_code_, static_cast<int>(ExitCode::failure));
  EXPECT_THAT(text, HasSubstr("the coin rolled away"));
  EXPECT_THAT(errors_, HasSubstr("6 trials failed; to run them again: archleak table " + file_ + " --out " + out_ +
                                 " --resume"));
}

TEST_F(TableCommand, WhatCannotRunMakesNoFolder) {
  EXPECT_THAT(error_of({file_, "--out", out_, "--set", "coin.fail=true"}), HasSubstr("coin.fails"));
  EXPECT_THAT(error_of({file_, "--out", out_, "--scale", "tiny"}), HasSubstr("tiny"));
  EXPECT_THAT(error_of({folder_ / "none.toml", "--out", out_}), HasSubstr("none.toml"));
  EXPECT_THAT(error_of({}), HasSubstr("expected NAME, list or show"));
  EXPECT_FALSE(std::filesystem::exists(out_));
}

TEST_F(TableCommand, FoldersOfOtherThingsAreTypedErrors) {
  EXPECT_THROW(run({"show", out_}), DataError);
  std::filesystem::create_directories(out_);
  write_file_atomically(std::filesystem::path(out_) / "results.sqlite", std::string(1000, 'x'));
  EXPECT_THROW(run({"show", out_}), DataError);
  EXPECT_THROW(run({file_, "--out", out_, "--resume"}), DataError);
  std::filesystem::remove(std::filesystem::path(out_) / "results.sqlite");
  ResultsStore(std::filesystem::path(out_) / "results.sqlite");
  EXPECT_THAT(error_of({"show", out_}), HasSubstr("expected what was asked for, got none"));
}

TEST_F(TableCommand, ListsWhatThePapersReportAndWhatCanBeRun) {
  const auto before = std::filesystem::current_path();
  std::filesystem::create_directories(folder_ / "configs/tables");
  std::filesystem::current_path(folder_.path());
  write_file_atomically("configs/tables/coins.toml", test::kCoinTable);
  write_file_atomically("configs/tables/broken.toml", "id = 3\n");
  write_file_atomically("configs/tables/catalogue.toml",
                        "[[papers]]\ntitle = \"On Coins\"\n[[papers.entries]]\nids = [\"coins\"]\nreports = \"heads\"\n"
                        "expected = \"rises\"\n[[papers.entries]]\nids = [\"dice\", \"cards\"]\nreports = \"sixes\"\n");
  const std::string text = run({"list"});
  const std::string by_id = run({"coins", "--trials", "2"});
  const std::string unknown = error_of({"coin"});
  const bool made = std::filesystem::exists("tables/coins-small/table.html");
  std::filesystem::current_path(before);
  EXPECT_THAT(text, HasSubstr("On Coins\n"));
  EXPECT_THAT(text, testing::ContainsRegex("runs +coins +heads\n +published: rises\n"));
  EXPECT_THAT(text, testing::ContainsRegex("- +dice cards +sixes\n"));
  EXPECT_THAT(text, testing::ContainsRegex("- +broken +configs/tables/broken.toml:1: id: expected text, got 3"));
  EXPECT_THAT(by_id, HasSubstr("2 trials a cell"));
  EXPECT_TRUE(made);
  EXPECT_THAT(unknown, HasSubstr("got 'coin'; the nearest id is 'coins'"));
}

TEST_F(TableCommand, TakesFromAnotherTableWhatItHasAlreadyMeasuredAndNothingElse) {
  const std::string other = folder_ / "other.toml", others_out = folder_ / "other";
  write_file_atomically(other, test::coin_table_with("[0.2, 0.5, 0.8]", "[0.2, 0.4, 0.5, 0.8]"));
  run({other, "--out", others_out, "--trials", "3"});
  run({file_, "--out", out_, "--trials", "4"});
  const std::string measured = read_file(fs::path(out_) / "table.csv");
  const int thrown = habits_->thrown;
  const std::string again = folder_ / "again";
  run({file_, "--out", again, "--trials", "4", "--reuse", others_out});
  EXPECT_THAT(errors_, HasSubstr("18 trials are taken from " + others_out)) << "three of six cells";
  EXPECT_EQ(habits_->thrown - thrown, 6);
  EXPECT_EQ(read_file(fs::path(again) / "table.csv"), measured);
  EXPECT_THAT(error_of({file_, "--out", folder_ / "third", "--reuse", folder_ / "nothing"}), HasSubstr("nothing"));
}

TEST_F(TableCommand, GoesOnWithAReportOfWhichOnlyTheTrialsWereKept) {
  run({file_, "--out", out_, "--trials", "3"});
  const fs::path report = fs::path(folder_ / "report");
  fs::create_directories(report);
  fs::copy_file(fs::path(out_) / "trials.csv", report / "trials.csv");
  run({file_, "--out", out_, "--resume", "--trials", "4"});
  const int thrown = habits_->thrown;
  const std::string again = folder_ / "again";
  run({file_, "--out", again, "--trials", "4", "--reuse", report});
  EXPECT_THAT(errors_, HasSubstr("18 trials are taken from " + report.string()));
  EXPECT_EQ(habits_->thrown - thrown, 6);
  EXPECT_EQ(read_file(fs::path(again) / "table.csv"), read_file(fs::path(out_) / "table.csv"));
  write_file_atomically(report / "trials.csv", "heads\n1\n");
  EXPECT_THAT(error_of({file_, "--out", folder_ / "third", "--reuse", report}), HasSubstr("trials.csv:1: expected"));
}

}  // namespace
}  // namespace archleak::sim
