#include "core/npy.h"

#include <gmock/gmock.h>

#include <cstring>

#include "core/error.h"
#include "core/file.h"
#include "tests/support/paths.h"

namespace archleak {
namespace {

TEST(Npy, HeaderAndValuesAreThoseOfNumPysFormat) {
  const test::TemporaryFolder folder;
  const auto file = folder / "a.npy";
  const std::vector<float> values{1, 2, 3, 4, 5, 6};
  write_npy(file, values, {2, 3});
  const std::string content = read_file(file);
  EXPECT_EQ(content.substr(0, 8), std::string("\x93NUMPY\x01\x00", 8));
  const size_t length = static_cast<uint8_t>(content[8]) + 256 * static_cast<uint8_t>(content[9]);
  EXPECT_EQ((10 + length) % 64, 0u);
  EXPECT_THAT(content.substr(10, length),
              testing::StartsWith("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3, ), }"));
  EXPECT_EQ(content[10 + length - 1], '\n');
  ASSERT_EQ(content.size(), 10 + length + values.size() * sizeof(float));
  EXPECT_EQ(std::memcmp(content.data() + 10 + length, values.data(), values.size() * sizeof(float)), 0);
}

TEST(Npy, IntegersAndScalarsHaveTheirOwnHeader) {
  const test::TemporaryFolder folder;
  const std::vector<int64_t> values{7};
  write_npy(folder / "a.npy", values, {});
  EXPECT_THAT(read_file(folder / "a.npy"), testing::HasSubstr("'descr': '<i8', 'fortran_order': False, 'shape': ()"));
}

TEST(Npy, AShapeThatDoesNotFitIsAnError) {
  const test::TemporaryFolder folder;
  const std::vector<float> values{1, 2, 3};
  EXPECT_THROW(write_npy(folder / "a.npy", values, {2, 2}), DataError);
  EXPECT_THROW(write_npy(folder / "missing" / "a.npy", values, {3}), Error);
}

TEST(Npy, ADecodedArrayIsTheOneThatWasEncoded) {
  for (const std::vector<int64_t>& shape : {std::vector<int64_t>{2, 1, 3}, {6}, {}, {0, 4}}) {
    int64_t count = 1;
    for (const int64_t size : shape) count *= size;
    std::vector<float> values(static_cast<size_t>(count));
    for (size_t i = 0; i < values.size(); ++i) values[i] = 0.5F * static_cast<float>(i);
    const FloatArray array = decode_npy(encode_npy(values, shape), "x");
    EXPECT_EQ(array.shape, shape);
    EXPECT_EQ(array.values, values);
  }
}

TEST(Npy, BytesThatAreNoSuchArrayAreAnError) {
  const std::string good = encode_npy(std::vector<float>{1, 2, 3, 4}, {2, 2});
  for (size_t length = 0; length < good.size(); ++length) {
    EXPECT_THROW(decode_npy(good.substr(0, length), "x"), DataError) << length;
  }
  EXPECT_THROW(decode_npy(good + "x", "x"), DataError);
  const auto with = [&good](const std::string& from, const std::string& to) {
    std::string bytes = good;
    return bytes.replace(bytes.find(from), from.size(), to);
  };
  EXPECT_THROW(decode_npy(with("<f4", "<i8"), "x"), DataError);
  EXPECT_THROW(decode_npy(with("(2, 2, )", "(2, -2,)"), "x"), DataError);
  EXPECT_THROW(decode_npy(with("(2, 2, ), }            ", "(4294967296, 4294967296,"), "x"), DataError);
}

}  // namespace
}  // namespace archleak
