#include "attacks/membership/scores_file.h"

#include <gmock/gmock.h>

#include <fstream>

#include "core/error.h"
#include "core/file.h"
#include "core/random.h"
#include "tests/support/paths.h"

namespace archleak::attacks {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class AScoresFile : public testing::Test {
 protected:
  ScoresFile read(const std::string& text) {
    write_file_atomically(file_, text);
    return read_scores(file_);
  }

  /// The message of the error that `text` ends with; its path taken off.
  std::string error_of(const std::string& text) {
    try {
      read(text);
    } catch (const DataError& error) {
      const std::string message = error.what();
      EXPECT_THAT(message, testing::StartsWith(file_.string() + ":"));
      return message.substr(file_.string().size());
    }
    return "no error";
  }

  test::TemporaryFolder folder_;
  std::filesystem::path file_ = folder_ / "scores.csv";
};

TEST_F(AScoresFile, IsReadInAnyOrderOfItsColumns) {
  const auto file = read("id,member,score,when,label\nx,1,0.5,now,cat\ny,0,-2e-3,then,\"a, b\"\n");
  EXPECT_THAT(file.table.scores, ElementsAre(0.5, -0.002));
  EXPECT_THAT(file.table.member, ElementsAre(1, 0));
  EXPECT_THAT(file.table.labels, ElementsAre("cat", "a, b"));
  EXPECT_THAT(file.table.ids, ElementsAre("x", "y"));
  EXPECT_THAT(file.table.correct, IsEmpty());
  EXPECT_THAT(file.ignored, ElementsAre("when"));
}

TEST_F(AScoresFile, MayComeFromPandasNumPyOrASpreadsheet) {
  const auto file = read("\xef\xbb\xbf,score,member,correct\r\n0,1.5,True,1.0\r\n\r\n1, 2 ,FALSE,0e0\r\n");
  EXPECT_THAT(file.table.scores, ElementsAre(1.5, 2));
  EXPECT_THAT(file.table.member, ElementsAre(1, 0));
  EXPECT_THAT(file.table.correct, ElementsAre(1, 0));
}

TEST_F(AScoresFile, IsWrittenAndReadToTheSameBits) {
  const ScoreTable table{.scores = {0.1, -1.0 / 3, 5e-324, 1.7976931348623157e308, -0.0},
                         .member = {1, 0, 1, 0, 1},
                         .labels = {"0", "a, b", "\"quoted\"",
                                    "gr\xc3\xb6\xc3\x9f"
                                    "e",
                                    "4"},
                         .correct = {1, 1, 0, 0, 1},
                         .parts = {"weights", "", "", "", "architecture"},
                         .ids = {"a", "b", "c", "d", "e"}};
  write_scores(file_, table);
  const ScoreTable found = read_scores(file_).table;
  EXPECT_EQ(found.scores, table.scores);
  EXPECT_EQ(found.member, table.member);
  EXPECT_EQ(found.labels, table.labels);
  EXPECT_EQ(found.correct, table.correct);
  EXPECT_EQ(found.parts, table.parts);
  EXPECT_EQ(found.ids, table.ids);
}

TEST_F(AScoresFile, WithoutItsHeaderIsRefused) {
  EXPECT_THAT(error_of(""), HasSubstr("expected a header with the columns score and member, got an empty file"));
  EXPECT_THAT(error_of("\n \n"), HasSubstr("got an empty file"));
  EXPECT_THAT(error_of("0.5,1\n0.2,0\n"), AllOf(HasSubstr(":1: "), HasSubstr("add the header line")));
  EXPECT_THAT(error_of("scores,member\n1,1\n"), AllOf(HasSubstr("got no score"), HasSubstr("nearest is 'scores'")));
  EXPECT_THAT(error_of("score,label\n1,1\n"), HasSubstr("got no member"));
  EXPECT_THAT(error_of("score,member,score\n1,1,2\n"), HasSubstr("got score twice"));
}

TEST_F(AScoresFile, WithALineThatIsNoneIsRefusedAtThatLine) {
  const std::string begin = "score,member,label,id\n0.5,1,a,x\n\n";
  EXPECT_THAT(error_of(begin + "0.5,0,a\n"), HasSubstr(":4: expected 4 fields, got 3"));
  EXPECT_THAT(error_of(begin + "0.5"), HasSubstr(":4: expected 4 fields, got 1"));
  EXPECT_THAT(error_of(begin + "0.5,0,a,y,z\n"), HasSubstr(":4: expected 4 fields, got 5"));
  EXPECT_THAT(error_of(begin + "0.5,0,\"a,y\n"), HasSubstr(":4: expected a closing quote"));
  EXPECT_THAT(error_of(begin + "high,0,a,y\n"), HasSubstr(":4: expected a finite number in column score, got 'high'"));
  EXPECT_THAT(error_of(begin + "0.5x,0,a,y\n"), HasSubstr("got '0.5x'"));
  EXPECT_THAT(error_of(begin + ",0,a,y\n"), HasSubstr("got ''"));
  for (const std::string number : {"nan", "inf", "-inf", "NaN", "1e999"}) {
    EXPECT_THAT(error_of(begin + number + ",0,a,y\n"), HasSubstr("expected a finite number")) << number;
  }
  for (const std::string flag : {"2", "", "yes", "-1", "0.5", "nan"}) {
    EXPECT_THAT(error_of(begin + "0.5," + flag + ",a,y\n"), HasSubstr("expected 0 or 1 in column member")) << flag;
  }
  EXPECT_THAT(error_of(begin + "0.5,0,,y\n"), HasSubstr("in column label"));
  EXPECT_THAT(error_of(begin + "0.5,0,a\x1b[2J,y\n"), AllOf(HasSubstr("without control"), HasSubstr("'a?[2J'")));
}

TEST_F(AScoresFile, NamesThePartOfMembersAlone) {
  EXPECT_THAT(read("part,score,member\nweights,1,1\n, 2,1\n ,3,0\n").table.parts, ElementsAre("weights", "", ""));
  EXPECT_THAT(read("score,member\n1,1\n2,0\n").table.parts, IsEmpty());
  EXPECT_THAT(error_of("part,score,member\nweights,1,1\nweights,2,0\n"),
              HasSubstr(":3: expected no part for a non-member, got 'weights'"));
}

TEST_F(AScoresFile, OfMembersOrNonMembersAloneIsRefused) {
  EXPECT_THAT(error_of("score,member\n1,1\n2,1\n"), HasSubstr("got 2 members and 0 non-members"));
  EXPECT_THAT(error_of("score,member\n1,0\n"), HasSubstr("got 0 members and 1 non-members"));
  EXPECT_THAT(error_of("score,member\n"), HasSubstr("got 0 members and 0 non-members"));
}

TEST_F(AScoresFile, ThatIsTooLongInAnyWayIsRefused) {
  EXPECT_THAT(error_of("score,member\n0.5,0," + std::string(100000, 'x') + "\n"), HasSubstr("at most 65536 bytes"));
  EXPECT_THAT(error_of(std::string(100000, ',') + "\n"), HasSubstr("at most 65536 bytes"));
  EXPECT_THAT(error_of("score,member,id\n0.5,0," + std::string(300, 'x') + "\n"), HasSubstr("1 to 256 bytes"));
  std::filesystem::resize_file(file_, (uint64_t{256} << 20) + 1);
  EXPECT_THROW(read_scores(file_), DataError);
  EXPECT_THROW(read_scores(folder_ / "absent.csv"), DataError);
  EXPECT_THROW(read_scores(folder_.path()), DataError);
}

TEST_F(AScoresFile, CutOrDamagedAnywhereIsReadOrRefusedButNothingElse) {
  std::string whole = "score,member,label,correct,id\n";
  for (int i = 0; i < 12; ++i) whole += std::to_string(i * 0.25) + (i % 2 ? ",1,\"c, " : ",0,\"d, ") + "x\",1,n\n";
  int refused = 0, read_well = 0;
  const auto attempt = [&](const std::string& text) {
    std::ofstream(file_) << text;
    try {
      const ScoreTable table = read_scores(file_).table;
      EXPECT_EQ(table.member.size(), table.scores.size());
      ++read_well;
    } catch (const DataError&) {
      ++refused;
    }
  };
  for (size_t length = 0; length < whole.size(); length += 3) attempt(whole.substr(0, length));
  RandomEngine engine = make_engine({.seed = 1, .purpose = "damage"});
  for (int i = 0; i < 300; ++i) {
    std::string damaged = whole;
    for (int k = 0; k < 3; ++k) {
      damaged[uniform_index(static_cast<int64_t>(damaged.size()), engine)] = static_cast<char>(engine());
    }
    attempt(damaged);
    std::string noise(static_cast<size_t>(uniform_index(400, engine)), '\0');
    for (char& byte : noise) byte = static_cast<char>(engine());
    attempt(i % 2 ? noise : "score,member\n" + noise);
  }
  EXPECT_GT(refused, 300);
  EXPECT_GE(read_well, 5);
}

}  // namespace
}  // namespace archleak::attacks
