#include "data/download.h"

#include <gmock/gmock.h>

#include <cstdlib>

#include "core/file.h"
#include "data/verify.h"
#include "tests/data/files.h"
#include "tests/data/http_server.h"
#include "tests/support/paths.h"

namespace archleak::data {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class DownloadTest : public testing::Test {
 protected:
  DownloadTest() {
    test::write(folder_ / "reference", content_);
    md5_ = md5_file(folder_ / "reference");
    server_.serve("set.bin", content_);
  }

  void get(const std::string& md5) { download({.url = server_.url("set.bin"), .target = target_, .md5 = md5}); }

  test::TemporaryFolder folder_;
  test::HttpServer server_;
  const std::string content_ = test::noise(300000);
  const std::filesystem::path target_ = folder_ / "sub/set.bin";
  const std::filesystem::path part_ = folder_ / "sub/set.bin.part";
  std::string md5_;
};

TEST_F(DownloadTest, FetchesAFileAndChecksItsSum) {
  get(md5_);
  EXPECT_EQ(read_file(target_), content_);
  EXPECT_FALSE(std::filesystem::exists(part_));
}

TEST_F(DownloadTest, ContinuesWhereACutOffTransferEnded) {
  server_.cut_next_after(100000);
  EXPECT_THAT(test::error_of<TransportError>([&] { get(md5_); }), HasSubstr("after 100000 bytes, which are kept"));
  EXPECT_FALSE(std::filesystem::exists(target_));
  EXPECT_EQ(std::filesystem::file_size(part_), 100000u);
  get(md5_);
  EXPECT_EQ(read_file(target_), content_);
  EXPECT_THAT(server_.requests(), ElementsAre("set.bin", "set.bin from 100000"));
}

TEST_F(DownloadTest, StartsAgainWhereTheServerKnowsNoRanges) {
  server_.ignore_ranges();
  test::write(part_, content_.substr(0, 5000));
  get(md5_);
  EXPECT_EQ(read_file(target_), content_);
  EXPECT_THAT(server_.requests(), ElementsAre("set.bin from 5000"));
}

TEST_F(DownloadTest, APartOfAnotherFileIsFetchedAgain) {
  test::write(part_, std::string(5000, 'x'));
  get(md5_);
  EXPECT_EQ(read_file(target_), content_);
  EXPECT_THAT(server_.requests(), ElementsAre("set.bin from 5000", "set.bin"));
}

TEST_F(DownloadTest, ACompletePartIsTaken) {
  test::write(part_, content_);
  get(md5_);
  EXPECT_EQ(read_file(target_), content_);
}

TEST_F(DownloadTest, APartLongerThanTheFileIsFetchedAgain) {
  test::write(part_, content_ + "more");
  get("");
  EXPECT_EQ(read_file(target_), content_);
}

TEST_F(DownloadTest, RefusesAWrongSumAndKeepsNothing) {
  EXPECT_THAT(test::error_of([&] { get(std::string(32, '0')); }),
              HasSubstr("expected MD5 00000000000000000000000000000000, got " + md5_));
  EXPECT_FALSE(std::filesystem::exists(target_));
  EXPECT_FALSE(std::filesystem::exists(part_));
}

TEST_F(DownloadTest, RefusesMoreThanTheLimit) {
  EXPECT_THAT(test::error_of([&] {
                download({.url = server_.url("set.bin"), .target = target_, .md5 = md5_, .max_bytes = 1000});
              }),
              HasSubstr("expected at most 1000 bytes"));
  EXPECT_FALSE(std::filesystem::exists(part_));
}

TEST_F(DownloadTest, SaysWhatTheServerSaid) {
  EXPECT_THAT(
      test::error_of<TransportError>([&] { download({.url = server_.url("absent"), .target = target_, .md5 = ""}); }),
      HasSubstr("404"));
  EXPECT_FALSE(std::filesystem::exists(target_));
  EXPECT_THAT(
      test::error_of<TransportError>([&] { download({.url = "file:///etc/hostname", .target = target_, .md5 = ""}); }),
      HasSubstr("file:///etc/hostname"));
}

TEST(Unpack, UnpacksATarballAndRefusesWhatIsNone) {
  const test::TemporaryFolder folder;
  test::write(folder / "from/set/a.bin", "abc");
  const std::string archive = (folder / "set.tar.gz").string();
  ASSERT_EQ(std::system(("tar -C " + (folder / "from").string() + " -czf " + archive + " set").c_str()), 0);
  unpack(archive, folder / "to");
  EXPECT_EQ(read_file(folder / "to/set/a.bin"), "abc");
  test::write(folder / "bad.tar.gz", test::noise(1000));
  EXPECT_THAT(test::error_of([&] { unpack(folder / "bad.tar.gz", folder / "to"); }),
              HasSubstr("bad.tar.gz: expected an archive"));
}

}  // namespace
}  // namespace archleak::data
