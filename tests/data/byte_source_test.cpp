#include "data/byte_source.h"

#include <gmock/gmock.h>

#include "tests/data/files.h"
#include "tests/support/paths.h"

namespace archleak::data {
namespace {

using testing::HasSubstr;

TEST(ByteSource, ReadsPlainAndGzipAlike) {
  const test::TemporaryFolder folder;
  const std::string content = test::noise(3 << 20);
  test::write(folder / "plain", content);
  test::write(folder / "packed", test::gzip(content));
  for (const char* name : {"plain", "packed"}) {
    ByteSource source(folder / name);
    const auto first = source.read(1000, "head");
    const auto rest = source.read(content.size() - 1000, "tail");
    source.expect_end();
    EXPECT_EQ(std::string(first.begin(), first.end()) + std::string(rest.begin(), rest.end()), content);
    EXPECT_EQ(source.offset(), content.size());
  }
}

TEST(ByteSource, SaysWhereItBrokeAndWhatWasExpected) {
  const test::TemporaryFolder folder;
  test::write(folder / "plain", "0123456789");
  ByteSource source(folder / "plain");
  source.read(4, "head");
  EXPECT_EQ(
      test::error_of([&] { source.read(7, "pixels"); }),
      (folder / "plain").string() + ": at byte 4: expected 7 bytes of pixels, got a file that holds at most 6 more");
  source.read(5, "more");
  EXPECT_THAT(test::error_of([&] { source.expect_end(); }), HasSubstr("at byte 9: expected the end of the file"));
  EXPECT_THAT(test::error_of([&] { ByteSource(folder / "absent"); }),
              HasSubstr("absent: expected a file, got nothing"));
  EXPECT_THAT(test::error_of([&] { ByteSource(folder.path()); }), HasSubstr("expected a file, got something else"));
}

TEST(ByteSource, RefusesALengthThatNoFileOfThisSizeHoldsBeforeTakingMemory) {
  const test::TemporaryFolder folder;
  test::write(folder / "packed", test::gzip("short"));
  EXPECT_THAT(test::error_of([&] { ByteSource(folder / "packed").read(uint64_t{1} << 40, "pixels"); }),
              HasSubstr("got a file that holds at most"));
}

TEST(ByteSource, ABombIsReadNoFurtherThanAskedFor) {
  const test::TemporaryFolder folder;
  test::write(folder / "bomb", test::gzip(std::string(64 << 20, '\0')));
  ASSERT_LT(std::filesystem::file_size(folder / "bomb"), 1 << 17);
  ByteSource source(folder / "bomb");
  EXPECT_EQ(source.read(100, "labels").size(), 100u);
  EXPECT_THAT(test::error_of([&] { source.expect_end(); }), HasSubstr("at byte 100: expected the end"));
}

TEST(ByteSource, NoticesGzipThatIsCutOffOrChanged) {
  const test::TemporaryFolder folder;
  const std::string packed = test::gzip(test::noise(5000));
  test::write(folder / "cut", packed.substr(0, 2000));
  EXPECT_THAT(test::error_of([&] { ByteSource(folder / "cut").read(5000, "pixels"); }), HasSubstr("cut: at byte"));
  std::string changed = packed;
  changed[changed.size() - 6] ^= 1;  // in the checksum
  test::write(folder / "changed", changed);
  EXPECT_THAT(test::error_of([&] {
                ByteSource source(folder / "changed");
                source.read(5000, "pixels");
                source.expect_end();
              }),
              HasSubstr("expected gzip data"));
}

}  // namespace
}  // namespace archleak::data
