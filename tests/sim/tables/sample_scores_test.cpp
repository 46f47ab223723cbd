#include "sim/tables/sample_scores.h"

#include <gmock/gmock.h>

#include <cmath>
#include <filesystem>
#include <sstream>

#include "core/csv.h"
#include "core/file.h"
#include "core/npy.h"
#include "sim/tables/score_chart.h"
#include "sim/tables/table_render.h"
#include "sim/tables/table_runner.h"
#include "tests/sim/tables/coin.h"
#include "tests/support/paths.h"

namespace archleak::sim {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::Not;

class SampleScoresTest : public testing::Test {
 protected:
  /// Three throws in each cell.
  TableResults run(bool scores) {
    TableRequest request = test::coin_request();
    request.trials = 3;
    if (scores) request.overrides = {"coin.scores=true"};
    const TablePlan plan = plan_table(request, {test::coin()});
    std::FILE* const nowhere = std::fopen("/dev/null", "w");
    run_table(plan, test::coin(), store_, {.progress = nowhere}, *test::CoinHabits().stop);
    std::fclose(nowhere);
    return collect_table(plan, store_);
  }

  /// A row with such an artefact; its hash.
  std::string put(const std::string& artefact) {
    ResultRow row{.key = {.experiment = "coin", .settings = artefact}};
    row.artefacts[kScores] = artefact;
    store_.put(row);
    return row.key.hash();
  }

  archleak::test::TemporaryFolder folder_;
  ResultsStore store_{folder_ / "results.sqlite"};
};

TEST_F(SampleScoresTest, AreReadAsTheyWereKept) {
  const SampleScores kept{.scores = {-1.5F, 0, 3e8F}, .member = {0, 1, 1}};
  const auto found = find_scores(store_, put(encode_scores(kept)));
  ASSERT_TRUE(found);
  EXPECT_EQ(found->scores, kept.scores);
  EXPECT_EQ(found->member, kept.member);
  EXPECT_FALSE(find_scores(store_, "none"));
}

TEST_F(SampleScoresTest, WhatCannotBeJudgedIsRefused) {
  for (const SampleScores& bad : {SampleScores{}, SampleScores{{1, 2}, {1}}, SampleScores{{1, 2}, {0, 2}},
                                  SampleScores{{1, std::nanf("")}, {0, 1}}, SampleScores{{1, INFINITY}, {0, 1}}}) {
    EXPECT_THROW(encode_scores(bad), DataError);
  }
  for (const std::string& bytes :
       {std::string("no array"), encode_scores({{1, 2}, {0, 1}}).substr(0, 130),
        encode_npy(std::vector<float>{1, 2, 3}, {1, 3}), encode_npy(std::vector<float>{1, 0.5}, {1, 2}),
        encode_npy(std::vector<float>{NAN, 1}, {1, 2}), encode_npy(std::vector<float>{1, 1}, {2})}) {
    EXPECT_THROW(find_scores(store_, put(bytes)), DataError);
  }
}

TEST_F(SampleScoresTest, EveryTrialHasAFile) {
  const TableResults table = run(true);
  write_table(folder_.path(), table, store_);
  const auto files = std::distance(fs::directory_iterator(folder_ / kScores), fs::directory_iterator());
  EXPECT_EQ(files, 6 * 3);
  const TrialRecord& last = table.trials.back();
  EXPECT_EQ(scores_file(table, last), fs::path("scores/05_0.8_tails-up_trial2.csv"));
  const auto kept = find_scores(store_, last.key.hash()).value();
  std::istringstream lines(read_file(folder_ / scores_file(table, last).string(), 1 << 20));
  std::string line;
  std::getline(lines, line);
  EXPECT_EQ(line, "score,member");
  for (size_t i = 0; i < kept.scores.size(); ++i) {
    ASSERT_TRUE(std::getline(lines, line));
    const auto fields = split_csv_row(line, "scores");
    EXPECT_EQ(std::stof(fields.at(0)), kept.scores[i]);
    EXPECT_EQ(fields.at(1), kept.member[i] ? "1" : "0");
  }
  EXPECT_FALSE(std::getline(lines, line));
}

TEST_F(SampleScoresTest, APageDrawsTheFirstTrialOfEachCellThatKeptThem) {
  EXPECT_THAT(render_html(run(false), store_), Not(HasSubstr("What the attack says")));
  const std::string page = render_html(run(true), store_);
  EXPECT_THAT(page, HasSubstr("What the attack says of members and of non-members"));
  EXPECT_THAT(page, HasSubstr("<title>bias = 0.8, tails up, trial 0</title>"));
  EXPECT_THAT(page, Not(HasSubstr("trial 1</title>")));
}

TEST(ScoreChart, NeedsMembersAndNonMembers) {
  EXPECT_THROW(draw_scores({{1, 2}, {1, 1}}, "t"), DataError);
  EXPECT_THROW(draw_scores({{1, 2}, {0, 0}}, "t"), DataError);
  EXPECT_THAT(draw_scores({{1, 1}, {0, 1}}, "equal"), HasSubstr("<title>equal</title>"));
}

}  // namespace
}  // namespace archleak::sim
