#include "data/idx.h"

#include <gmock/gmock.h>

#include <algorithm>

#include "tests/data/files.h"
#include "tests/support/paths.h"

namespace archleak::data {
namespace {

using test::big_endian;
using testing::ElementsAre;
using testing::HasSubstr;

std::string images(uint32_t count, uint32_t height, uint32_t width) {
  return big_endian(0x803) + big_endian(count) + big_endian(height) + big_endian(width) +
         test::noise(size_t{count} * height * width);
}

std::string labels(const std::string& values) {
  return big_endian(0x801) + big_endian(static_cast<uint32_t>(values.size())) + values;
}

TEST(Idx, ReadsShapeAndBytes) {
  const test::TemporaryFolder folder;
  test::write(folder / "a", images(2, 3, 4));
  const IdxArray array = read_idx(folder / "a", 3);
  EXPECT_THAT(array.shape, ElementsAre(2, 3, 4));
  const std::string expected = test::noise(24);
  EXPECT_TRUE(std::equal(array.bytes.begin(), array.bytes.end(), expected.begin(),
                         [](uint8_t a, char b) { return a == static_cast<uint8_t>(b); }));
}

TEST(Idx, ReadsTheStandardNamesWithDashOrDotPlainOrPacked) {
  const test::TemporaryFolder folder;
  test::write(folder / "train-images-idx3-ubyte", images(3, 5, 5));
  test::write(folder / "train-labels.idx1-ubyte.gz", test::gzip(labels({7, 0, 9})));
  test::write(folder / "t10k-images.idx3-ubyte", images(1, 5, 5));
  test::write(folder / "t10k-labels-idx1-ubyte.gz", test::gzip(labels({4})));
  const Splits splits = read_mnist(folder.path(), "toy");
  EXPECT_EQ(splits.train.name, "toy train");
  EXPECT_THAT(splits.train.labels, ElementsAre(7, 0, 9));
  EXPECT_EQ(splits.train.shape, (ExampleShape{1, 5, 5}));
  EXPECT_THAT(splits.test.labels, ElementsAre(4));
}

TEST(Idx, SaysWhichByteIsWrong) {
  const test::TemporaryFolder folder;
  const auto file = folder / "a";
  const auto error = [&](const std::string& content) {
    test::write(file, content);
    return test::error_of([&] { read_idx(file, 3); });
  };
  EXPECT_THAT(error(big_endian(0x801)),
              HasSubstr("at byte 0: expected the IDX magic number 0x00000803, got 0x00000801"));
  EXPECT_THAT(error(big_endian(0x803) + big_endian(0)), HasSubstr("at byte 4: expected a dimension from 1"));
  EXPECT_THAT(error(big_endian(0x803) + big_endian(9) + big_endian(0xffffffff) + big_endian(28)),
              HasSubstr("at byte 8: expected a dimension from 1 to"));
  EXPECT_THAT(error(images(2, 3, 4).substr(0, 30)), HasSubstr("at byte 16: expected 24 bytes of pixels"));
  EXPECT_THAT(error(images(2, 3, 4) + "x"), HasSubstr("at byte 40: expected the end of the file"));
  EXPECT_THAT(error(""), HasSubstr("at byte 0: expected 4 bytes of the magic number"));
}

TEST(Idx, RefusesLabelsOutOfRangeAndCountsThatDiffer) {
  const test::TemporaryFolder folder;
  test::write(folder / "train-images-idx3-ubyte", images(2, 5, 5));
  test::write(folder / "train-labels-idx1-ubyte", labels({1, 10}));
  EXPECT_THAT(test::error_of([&] { read_mnist(folder.path(), "toy"); }),
              HasSubstr("at byte 9: expected a label from 0 to 9, got 10"));
  test::write(folder / "train-labels-idx1-ubyte", labels({1, 2, 3}));
  EXPECT_THAT(test::error_of([&] { read_mnist(folder.path(), "toy"); }), HasSubstr("expected 2 labels"));
  test::write(folder / "train-labels-idx1-ubyte", labels({1, 2}));
  EXPECT_THAT(test::error_of([&] { read_mnist(folder.path(), "toy"); }), HasSubstr("expected t10k-images-idx3-ubyte"));
}

TEST(Idx, SurvivesDamage) {
  const test::TemporaryFolder folder;
  const auto file = folder / "a";
  const auto read = [&] { read_idx(file, 3); };
  EXPECT_GE(test::count_refused(file, images(4, 8, 8), read), 60);
  EXPECT_GE(test::count_refused(file, test::gzip(images(4, 8, 8)), read), 80);
}

TEST(Idx, ReadsMnistWithItsOfficialClassCounts) {
  const auto folder = test::real_data("mnist");
  if (!folder) GTEST_SKIP() << "no MNIST here";
  const Splits splits = read_mnist(*folder, "mnist");
  const auto counts = [](const Dataset& dataset) {
    std::vector<int64_t> result(10);
    for (const int32_t label : dataset.labels) ++result[label];
    return result;
  };
  EXPECT_THAT(counts(splits.train), ElementsAre(5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949));
  EXPECT_THAT(counts(splits.test), ElementsAre(980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009));
  double sum = 0;
  for (const uint8_t pixel : splits.train.pixels) sum += pixel;
  EXPECT_NEAR(sum / 255 / static_cast<double>(splits.train.pixels.size()), 0.1307, 5e-5);
}

}  // namespace
}  // namespace archleak::data
