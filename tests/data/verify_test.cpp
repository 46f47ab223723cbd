#include "data/verify.h"

#include <gmock/gmock.h>

#include "tests/data/files.h"
#include "tests/support/paths.h"

namespace archleak::data {
namespace {

using testing::HasSubstr;

constexpr const char* kSumOfAbc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

TEST(Verify, ComparesTheFilesOfOneDataset) {
  const test::TemporaryFolder folder;
  test::write(folder / "set/a", "abc");
  test::write(folder / "set/b", "abd");
  const std::string sum = kSumOfAbc;
  test::write(folder / "SHA256SUMS",
              sum + "  ./set/a\n" + sum + "  ./set/b\n" + sum + "  ./set/c\n" + sum + "  ./other/d\n");
  const auto report = verify_checksums(folder.path(), "set");
  EXPECT_TRUE(report.listed);
  EXPECT_EQ(report.matching, 1);
  ASSERT_EQ(report.problems.size(), 2u);
  EXPECT_THAT(report.problems[0], HasSubstr("b: expected SHA-256 ba7816bf"));
  EXPECT_THAT(report.problems[1], HasSubstr("c: expected a file, got nothing"));
  EXPECT_FALSE(verify_checksums(folder.path(), "absent").listed);
}

TEST(Verify, RefusesAListThatIsNone) {
  const test::TemporaryFolder folder;
  test::write(folder / "set/SHA256SUMS", "what is this\n");
  EXPECT_THAT(test::error_of([&] { verify_checksums(folder.path(), "set"); }),
              HasSubstr("SHA256SUMS:1: expected a SHA-256 sum"));
}

TEST(Verify, KnowsMd5) {
  const test::TemporaryFolder folder;
  test::write(folder / "a", "abc");
  EXPECT_EQ(md5_file(folder / "a"), "900150983cd24fb0d6963f7d28e17f72");
  EXPECT_THAT(test::error_of([&] { md5_file(folder / "b"); }), HasSubstr("b: expected a readable file"));
}

}  // namespace
}  // namespace archleak::data
