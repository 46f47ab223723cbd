#include "core/csv.h"

#include <gmock/gmock.h>

#include "core/error.h"

namespace archleak {
namespace {

using testing::ElementsAre;

TEST(Csv, RowsReadBackToTheSameFields) {
  const std::vector<std::string> fields{"plain", "", "with, comma", "with \"quotes\"", " blank", "\"", "caf\xc3\xa9"};
  EXPECT_EQ(split_csv_row(csv_row(fields), "x"), fields);
}

TEST(Csv, QuotesOnlyWhatNeedsQuotes) {
  EXPECT_EQ(csv_row({"a", "b,c", "d\"e", ""}), "a,\"b,c\",\"d\"\"e\",");
}

TEST(Csv, AnEmptyRowIsOneEmptyField) {
  EXPECT_THAT(split_csv_row("", "x"), ElementsAre(""));
  EXPECT_THAT(split_csv_row("a,\r", "x"), ElementsAre("a", ""));
}

TEST(Csv, RefusesLineBreaksInFields) {
  EXPECT_THROW(csv_row({"a\nb"}), DataError);
  EXPECT_THROW(csv_row({"a\rb"}), DataError);
}

TEST(Csv, SaysWhereQuotesAreWrong) {
  const auto message = [](const char* row) {
    try {
      split_csv_row(row, "file.csv:3");
    } catch (const DataError& error) {
      return std::string(error.what());
    }
    return std::string("no error");
  };
  EXPECT_EQ(message("a,\"b"), "file.csv:3: expected a closing quote, got the end of the line");
  EXPECT_EQ(message("\"a\"b"), "file.csv:3: expected a comma at column 4, got 'b'");
  EXPECT_EQ(message("a\"b"), "file.csv:3: expected a comma at column 2, got '\"'");
}

}  // namespace
}  // namespace archleak
