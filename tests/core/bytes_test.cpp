#include "core/bytes.h"

#include <gmock/gmock.h>

#include "core/error.h"

namespace archleak {
namespace {

std::string sample() {
  ByteWriter writer;
  writer.u32(0x01020304u);
  writer.i64(-2);
  writer.text("abc");
  writer.raw("xy");
  return writer.take();
}

TEST(Bytes, AreLittleEndianWithFixedWidth) {
  EXPECT_EQ(sample(), std::string("\x04\x03\x02\x01"
                                  "\xfe\xff\xff\xff\xff\xff\xff\xff"
                                  "\x03\0\0\0\0\0\0\0abcxy",
                                  25));
}

TEST(Bytes, ReadBackWhatWasWritten) {
  const std::string bytes = sample();
  ByteReader reader(bytes, "test");
  EXPECT_EQ(reader.u32(), 0x01020304u);
  EXPECT_EQ(reader.i64(), -2);
  EXPECT_EQ(reader.text(), "abc");
  EXPECT_THROW(reader.expect_end(), CheckpointError);
  EXPECT_EQ(reader.raw(2), "xy");
  EXPECT_NO_THROW(reader.expect_end());
}

TEST(Bytes, ThatEndEarlyAreAnErrorAtEveryLength) {
  const std::string bytes = sample();
  for (size_t length = 0; length < bytes.size(); ++length) {
    ByteReader reader(std::string_view(bytes).substr(0, length), "test");
    EXPECT_THROW(
        {
          reader.u32();
          reader.i64();
          reader.text();
          reader.raw(2);
        },
        CheckpointError)
        << length;
  }
}

TEST(Bytes, AHugeLengthIsAnErrorThatSaysWhere) {
  ByteWriter writer;
  writer.u64(~uint64_t{0});
  const std::string bytes = writer.take();
  ByteReader reader(bytes, "state");
  try {
    reader.text();
    FAIL() << "expected a CheckpointError";
  } catch (const CheckpointError& error) {
    EXPECT_STREQ(error.what(), "state: byte 8: expected 18446744073709551615 more bytes, got 0");
  }
}

}  // namespace
}  // namespace archleak
