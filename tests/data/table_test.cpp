#include "data/table.h"

#include <gmock/gmock.h>

#include "tests/data/files.h"
#include "tests/support/paths.h"

namespace archleak::data {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

TEST(Table, ReadsQuotedAndBareLabelsAndSendsEveryFifthRowToTest) {
  const test::TemporaryFolder folder;
  test::write(folder / "t", "\"2\",0,1,1\r\n1,0,0,0\n3,1,1,1\n1,1,0,0\n\"3\",0,0,1\n2,1,0,1\n");
  const Splits splits = read_table(folder / "t", "toy", {});
  EXPECT_EQ(splits.train.shape, (ExampleShape{3, 1, 1}));
  EXPECT_EQ(splits.train.classes, 3);
  EXPECT_THAT(splits.train.labels, ElementsAre(1, 0, 2, 0, 1));
  EXPECT_THAT(splits.test.labels, ElementsAre(2));
  EXPECT_THAT(splits.train.example(0), ElementsAre(0, 255, 255));
  EXPECT_THAT(splits.test.example(0), ElementsAre(0, 0, 255));
  EXPECT_EQ(splits.test.classes, 3);
}

TEST(Table, ReadsLabelsFromAFileOfTheirOwn) {
  const test::TemporaryFolder folder;
  test::write(folder / "feats", "0,1\n1,1\n1,0\n0,0\n1,1\n");
  test::write(folder / "labels", "1\n2\n3\n4\n5\n");
  const TableFormat format{2, 100, folder / "labels"};
  const Splits splits = read_table(folder / "feats", "toy", format);
  EXPECT_THAT(splits.train.labels, ElementsAre(0, 1, 2, 3));
  EXPECT_EQ(splits.train.classes, 100);
  test::write(folder / "labels", "1\n2\n3\n4\n");
  EXPECT_THAT(test::error_of([&] { read_table(folder / "feats", "toy", format); }),
              HasSubstr("feats:5: expected 4 rows"));
  test::write(folder / "labels", "1\n2\n3\n4\n5\n6\n");
  EXPECT_THAT(test::error_of([&] { read_table(folder / "feats", "toy", format); }),
              HasSubstr("expected 6 rows, one a label, got 5"));
}

TEST(Table, SaysWhichLineIsWrong) {
  const test::TemporaryFolder folder;
  const auto error = [&](const std::string& text, const TableFormat& format = {}) {
    test::write(folder / "t", text);
    return test::error_of([&] { read_table(folder / "t", "toy", format); });
  };
  EXPECT_THAT(error("1,0,1\n1,0\n"), HasSubstr("t:2: expected 2 features, got 1"));
  EXPECT_THAT(error("1,0,1\n"), HasSubstr("expected at least 5 rows, got 1"));
  EXPECT_THAT(error("1,0,1\n", {3, 0, {}}), HasSubstr("t:1: expected 3 features, got 2"));
  EXPECT_THAT(error("1,0,2\n"), HasSubstr("t:1: expected 0 or 1 in feature 2, got '2'"));
  EXPECT_THAT(error("1,0,11,0\n"), HasSubstr("t:1: expected 0 or 1 in feature 2, got '11'"));
  EXPECT_THAT(error("1,0,\n"), HasSubstr("t:1: expected"));
  EXPECT_THAT(error("1\n"), HasSubstr("t:1: expected 1 features, got 0"));
  EXPECT_THAT(error("0,0,1\n"), HasSubstr("t:1: expected a label from 1 to 65536, got '0'"));
  EXPECT_THAT(error("31,0,1\n", {2, 30, {}}), HasSubstr("t:1: expected a label from 1 to 30, got '31'"));
  EXPECT_THAT(error("99999999999999999999,0,1\n"), HasSubstr("t:1: expected a label"));
  EXPECT_THAT(error("class,a,b\n1,0,1\n"), HasSubstr("t:1: expected a label from 1 to 65536, got 'class'"));
}

TEST(Table, SurvivesDamage) {
  const test::TemporaryFolder folder;
  std::string text;
  for (int i = 0; i < 10; ++i) text += "\"3\",0,1,0,1,1,1,0,0\n";
  EXPECT_GE(test::count_refused(folder / "t", text, [&] { read_table(folder / "t", "toy", {8, 30, {}}); }), 80);
}

TEST(Table, ReadsRealCheckIns) {
  const auto file = test::real_data("location/bangkok");
  if (!file) GTEST_SKIP() << "no Location set here";
  const Splits splits = read_table(*file, "location", {446, 30, {}});
  EXPECT_EQ(splits.train.size(), 4008);
  EXPECT_EQ(splits.test.size(), 1002);
  EXPECT_EQ(splits.train.labels[0], 12);
}

}  // namespace
}  // namespace archleak::data
