#include "sim/audit/audit_command.h"

#include <gmock/gmock.h>
#include <stdlib.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>

#include "attacks/membership/evaluator.h"
#include "attacks/membership/scores_file.h"
#include "core/csv.h"
#include "core/error.h"
#include "core/file.h"
#include "core/random.h"
#include "data/lines.h"
#include "tests/support/paths.h"

namespace archleak::sim {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

using Row = std::map<std::string, std::string>;

/// Members score higher by half, more so in class 1.
attacks::ScoreTable scores(int64_t samples) {
  RandomEngine engine = make_engine({.seed = 1, .purpose = "scores"});
  attacks::ScoreTable table;
  for (int64_t i = 0; i < samples; ++i) {
    const bool member = i % 2 == 0, second = i % 4 < 2;
    table.scores.push_back(uniform(engine) + (member ? second ? 0.8 : 0.2 : 0));
    table.member.push_back(member);
    table.labels.push_back(second ? "<one>" : "0");
    table.correct.push_back(i % 3 != 0);
  }
  return table;
}

class AuditOfScores : public testing::Test {
 protected:
  void SetUp() override { attacks::write_scores(file_, scores(400)); }

  /// Runs `archleak audit scores FILE --out OUT ...` and returns what it prints.
  std::string run(const std::vector<std::string>& further = {}) {
    CLI::App app;
    add_audit_command(app, exit_code_);
    std::vector<std::string> words{"audit", "scores", file_, "--out", out_};
    words.insert(words.end(), further.begin(), further.end());
    if (std::find(words.begin(), words.end(), "--bootstrap") == words.end()) {
      words.insert(words.end(), {"--bootstrap", "200"});
    }
    std::reverse(words.begin(), words.end());
    testing::internal::CaptureStdout();
    try {
      app.parse(words);
    } catch (...) {
      testing::internal::GetCapturedStdout();
      throw;
    }
    return testing::internal::GetCapturedStdout();
  }

  std::string content(const char* name) const { return read_file(std::filesystem::path(out_) / name); }

  std::vector<Row> table(const char* name) const {
    const std::string text = content(name);
    std::vector<Row> rows;
    std::vector<std::string> names;
    data::Lines lines(text);
    for (std::string_view line; lines.next(line);) {
      const auto fields = split_csv_row(line, name);
      if (names.empty()) {
        names = fields;
        continue;
      }
      Row& row = rows.emplace_back();
      for (size_t i = 0; i < names.size(); ++i) row[names[i]] = fields.at(i);
    }
    return rows;
  }

  Row metric(const std::string& slice, const std::string& level, const std::string& name) const {
    for (const Row& row : table("metrics.csv")) {
      if (row.at("slice") == slice && row.at("level") == level && row.at("metric") == name) return row;
    }
    ADD_FAILURE() << "no row for " << slice << " " << level << " " << name;
    return {};
  }

  archleak::test::TemporaryFolder folder_;
  std::string file_ = folder_ / "scores.csv";
  int exit_code_ = 0;
  std::string out_ = folder_ / "out";
};

TEST_F(AuditOfScores, PrintsFiguresWithIntervalsAndEndsWithWhereThingsAre) {
  const std::string printed = run();
  EXPECT_THAT(printed, StartsWith(file_ + ": 200 members and 200 non-members\n"));
  EXPECT_THAT(printed,
              AllOf(HasSubstr("95 % interval"), HasSubstr("\nAUC  "), HasSubstr("\nTPR at 1 % FPR  "),
                    HasSubstr("at the oracle's threshold"), HasSubstr("\nlabel <one> "), HasSubstr("\ncorrect 1 ")));
  EXPECT_THAT(printed, HasSubstr("200 non-members cannot show a false-positive rate of 0.1 %"));
  EXPECT_THAT(printed, testing::EndsWith("page       " + out_ + "/audit.html\n"));
  for (const char* name : {"metrics.csv", "metrics.json", "roc.csv", "roc.png", "audit.html"}) {
    EXPECT_THAT(content(name), Not(testing::IsEmpty())) << name;
  }
}

TEST_F(AuditOfScores, WritesARowForEachSliceAndMetric) {
  run();
  const auto evaluated = attacks::evaluate_slices(scores(400), {.resamples = 200});
  ASSERT_EQ(evaluated.size(), 5);
  EXPECT_EQ(table("metrics.csv").size(), 5 * (attacks::metric_fields().size() + 1));
  for (const auto& slice : evaluated) {
    const Row row = metric(slice.by, slice.level, "auc");
    EXPECT_EQ(std::stod(row.at("value")), slice.evaluation->value.auc);
    EXPECT_EQ(std::stod(row.at("low")), slice.evaluation->low.auc);
    EXPECT_EQ(std::stod(row.at("high")), slice.evaluation->high.auc);
    EXPECT_EQ(row.at("members"), std::to_string(slice.members));
  }
  EXPECT_GT(std::stod(metric("label", "<one>", "auc").at("value")),
            std::stod(metric("label", "0", "auc").at("value")) + 0.1);
}

TEST_F(AuditOfScores, WritesTheSameFiguresAsJsonWithHowTheyCameAbout) {
  run({"--seed", "9", "--threshold", "0.7", "--confidence", "0.9"});
  const auto records = nlohmann::json::parse(content("metrics.json"));
  ASSERT_EQ(records.size(), 5);
  EXPECT_EQ(records[0]["auc"], std::stod(metric("all", "all", "auc").at("value")));
  EXPECT_EQ(records[0]["f1_low"], std::stod(metric("all", "all", "f1").at("low")));
  EXPECT_EQ(records[0]["threshold"], 0.7);
  EXPECT_EQ(records[0]["threshold_from"], "given");
  EXPECT_EQ(records[0]["seed"], 9);
  EXPECT_EQ(records[0]["resamples"], 200);
  EXPECT_EQ(records[0]["confidence"], 0.9);
  EXPECT_EQ(records[0]["scores_sha256"].get<std::string>().size(), 64);
  EXPECT_EQ(records[1]["level"], "0");
}

TEST_F(AuditOfScores, WritesTheCurveFromOneCornerToTheOther) {
  run();
  const auto points = table("roc.csv");
  ASSERT_EQ(points.size(), 401) << "a point for each score, and the one at infinity";
  EXPECT_EQ(points.front(), (Row{{"fpr", "0"}, {"tpr", "0"}, {"threshold", "inf"}}));
  EXPECT_EQ(points.back().at("fpr"), "1");
  EXPECT_EQ(points.back().at("tpr"), "1");
}

TEST_F(AuditOfScores, DrawsThePageAndTheChartWithoutNeedingAnythingElse) {
  run();
  EXPECT_THAT(content("roc.png"), StartsWith("\x89PNG"));
  const std::string page = content("audit.html");
  EXPECT_THAT(page, AllOf(HasSubstr("data:image/png;base64,"), HasSubstr("&lt;one&gt;"), HasSubstr("TPR at 0.1 % FPR"),
                          Not(HasSubstr("<one>")), Not(HasSubstr("<script")), Not(HasSubstr("src=\"http")),
                          Not(HasSubstr("<link"))));
}

TEST_F(AuditOfScores, GivesTheSameBytesTwice) {
  run();
  std::map<std::string, std::string> before;
  for (const char* name : {"metrics.csv", "metrics.json", "roc.csv", "roc.png", "audit.html"}) {
    before[name] = content(name);
  }
  run();
  for (const auto& [name, bytes] : before) EXPECT_EQ(content(name.c_str()) == bytes, true) << name;
}

TEST_F(AuditOfScores, ShowsFiguresAtAGivenThreshold) {
  const std::string printed = run({"--threshold", "1.5"});
  EXPECT_THAT(printed, AllOf(HasSubstr("at the threshold 1.5:"), HasSubstr("\nadvantage  ")));
  EXPECT_EQ(metric("all", "all", "threshold").at("value"), "1.5");
  EXPECT_EQ(metric("label", "0", "precision").at("value"), "") << "nobody is called a member there";
}

TEST_F(AuditOfScores, HasNoIntervalsWithoutResamples) {
  EXPECT_THAT(run({"--bootstrap", "0"}), Not(HasSubstr("interval")));
  EXPECT_EQ(metric("all", "all", "auc").at("low"), "");
  EXPECT_TRUE(nlohmann::json::parse(content("metrics.json"))[0]["auc_low"].is_null());
}

TEST_F(AuditOfScores, RemarksOnScoresThatAreTurnedAroundOrAreVerdicts) {
  attacks::ScoreTable table = scores(400);
  for (double& score : table.scores) score = -score;
  attacks::write_scores(file_, table);
  EXPECT_THAT(run(), HasSubstr("rank non-members above members"));
  for (double& score : table.scores) score = score < -0.7;
  attacks::write_scores(file_, table);
  EXPECT_THAT(run(), AllOf(HasSubstr("There are 2 different scores among 400 samples"),
                           Not(HasSubstr("rank non-members above members"))));
}

TEST_F(AuditOfScores, KeepsASliceThatHasNoMetricsInItsPlace) {
  write_file_atomically(file_, "score,member,label,note\n1,1,a,\n0,0,a,\n2,1,b,\n");
  EXPECT_THAT(run(), AllOf(HasSubstr("label b"), HasSubstr("Columns that mean nothing here: note")));
  const auto records = nlohmann::json::parse(content("metrics.json"));
  ASSERT_EQ(records.size(), 3);
  EXPECT_EQ(records[2]["members"], 1);
  EXPECT_TRUE(records[2]["auc"].is_null());
}

TEST_F(AuditOfScores, WritesClassesThatAreNoTextAnywhereElse) {
  write_file_atomically(file_, "score,member,label\n1,1,\xff\n0,0,\xff\n");
  EXPECT_THAT(run(), HasSubstr("label ?"));
  EXPECT_NO_THROW(nlohmann::json::parse(content("metrics.json")));
}

TEST_F(AuditOfScores, RefusesWhatCannotBeAudited) {
  EXPECT_THROW(run({"--bootstrap", "-1"}), CLI::ParseError);
  EXPECT_THROW(run({"--confidence", "1"}), CLI::ParseError);
  EXPECT_THROW(run({"--threshold", "high"}), CLI::ParseError);
  EXPECT_THROW(run({"--threshold", "nan"}), ConfigError);
  write_file_atomically(file_, "score,member\n0.5,1\n");
  EXPECT_THROW(run(), DataError);
  EXPECT_FALSE(std::filesystem::exists(out_)) << "nothing is left of an audit that was refused";
}

TEST_F(AuditOfScores, LeavesTablesBehindWhereGnuplotIsMissing) {
  const std::string path = getenv("PATH");
  setenv("PATH", "/nowhere", 1);
  std::string message;
  try {
    run();
  } catch (const Error& error) {
    message = error.what();
  }
  setenv("PATH", path.c_str(), 1);
  EXPECT_THAT(message, HasSubstr("install gnuplot-nox"));
  EXPECT_THAT(metric("all", "all", "auc").at("value"), StartsWith("0."));
}

}  // namespace
}  // namespace archleak::sim
