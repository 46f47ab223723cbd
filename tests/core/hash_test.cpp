#include "core/hash.h"

#include <gtest/gtest.h>

#include "core/error.h"
#include "core/file.h"
#include "tests/support/paths.h"

namespace archleak {
namespace {

std::string hex_of(const std::string& text) {
  return to_hex(sha256(text.data(), text.size()));
}

// FIPS 180-4 examples.
constexpr char kEmpty[] = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
constexpr char kAbc[] = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
constexpr char kMillionA[] = "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0";

TEST(Hash, GivesThePublishedDigests) {
  EXPECT_EQ(hex_of(""), kEmpty);
  EXPECT_EQ(hex_of("abc"), kAbc);
  EXPECT_EQ(hex_of("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  EXPECT_EQ(hex_of(std::string(1000000, 'a')), kMillionA);
}

TEST(Hash, AFileHasTheDigestOfItsContent) {
  const test::TemporaryFolder folder;
  write_file_atomically(folder / "a", std::string(1000000, 'a'));
  EXPECT_EQ(to_hex(sha256_file(folder / "a")), kMillionA);
  write_file_atomically(folder / "empty", "");
  EXPECT_EQ(to_hex(sha256_file(folder / "empty")), kEmpty);
  const std::string blocks(3 << 20, 'b');  // more than one block, ending on a block's end
  write_file_atomically(folder / "blocks", blocks);
  EXPECT_EQ(to_hex(sha256_file(folder / "blocks")), hex_of(blocks));
}

TEST(Hash, AMissingFileIsADataError) {
  const test::TemporaryFolder folder;
  EXPECT_THROW(sha256_file(folder / "missing"), DataError);
}

}  // namespace
}  // namespace archleak
