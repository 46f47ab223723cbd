#include "sim/data_command.h"

#include <gmock/gmock.h>

#include <algorithm>

#include "core/error.h"
#include "data/image.h"
#include "tests/data/files.h"
#include "tests/data/http_server.h"
#include "tests/support/paths.h"

namespace archleak::sim {
namespace {

using testing::HasSubstr;

/// Runs `archleak data ...` and returns what it prints.
std::string run(std::vector<std::string> words) {
  CLI::App app;
  add_data_command(app);
  std::reverse(words.begin(), words.end());
  words.push_back("data");
  testing::internal::CaptureStdout();
  try {
    app.parse(words);
  } catch (...) {
    testing::internal::GetCapturedStdout();
    throw;
  }
  return testing::internal::GetCapturedStdout();
}

TEST(DataCommand, ListsEveryDatasetWithItsState) {
  const test::TemporaryFolder folder;
  test::write(folder / "location/bangkok", "");
  const std::string text = run({"list", "--root", folder.path()});
  EXPECT_THAT(text, testing::ContainsRegex("digits +1x28x28 +10 +drawn"));
  EXPECT_THAT(text, testing::ContainsRegex("cifar10 +3x32x32 +10 +to get"));
  EXPECT_THAT(text, testing::ContainsRegex("location +446 features +30 +here"));
  EXPECT_THAT(text, testing::ContainsRegex("texas100 +6169 features +100 +missing"));
}

TEST(DataCommand, ShowsASheetOfExamples) {
  const test::TemporaryFolder folder;
  const std::string file = folder / "sheet.png";
  EXPECT_THAT(run({"show", "digits", "--columns", "3", "--scale", "1", "-o", file}),
              HasSubstr("digits train: 10 classes"));
  const data::Image sheet = data::read_image(file);
  EXPECT_EQ(sheet.width, 3 * 30 + 2);
  EXPECT_EQ(sheet.height, 10 * 30 + 2);
}

TEST(DataCommand, VerifiesCountsAndChecksums) {
  const test::TemporaryFolder folder;
  std::string row = "1";
  for (int i = 0; i < 446; ++i) row += ",1";
  std::string text;
  for (int i = 0; i < 10; ++i) text += row + "\n";
  test::write(folder / "location/bangkok", text);
  EXPECT_THAT(run({"verify", "location", "--root", folder.path()}),
              HasSubstr("location train: 8 examples of 446 features"));
  test::write(folder / "SHA256SUMS", std::string(64, '0') + "  ./location/bangkok\n");
  EXPECT_THROW(run({"verify", "location", "--root", folder.path()}), DataError);
}

TEST(DataCommand, GetsADatasetFromAMirrorAndLeavesNoFalseOne) {
  const test::TemporaryFolder folder;
  test::HttpServer server;
  for (const char* name : {"train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz", "t10k-images-idx3-ubyte.gz",
                           "t10k-labels-idx1-ubyte.gz"}) {
    server.serve(std::string("mirror/") + name, "not MNIST");
  }
  EXPECT_THAT(test::error_of([&] {
                run({"get", "mnist", "--root", folder.path(), "--url", server.url("mirror")});
              }),
              HasSubstr("train-images-idx3-ubyte.gz: expected MD5 f68b3c2dcbeaaa9fbdd348bbdeb94873"));
  EXPECT_FALSE(std::filesystem::exists(folder / "mnist/train-images-idx3-ubyte.gz"));
  EXPECT_THROW(run({"get", "location", "--root", folder.path()}), ConfigError);
  EXPECT_THAT(run({"get", "digits", "--root", folder.path()}), HasSubstr("already"));
}

TEST(DataCommand, BadNamesAndWordsAreErrors) {
  EXPECT_THROW(run({"show", "mnits"}), ConfigError);
  EXPECT_THROW(run({"show", "digits", "--split", "half"}), CLI::ParseError);
  EXPECT_THROW(run({}), CLI::ParseError);
}

}  // namespace
}  // namespace archleak::sim
