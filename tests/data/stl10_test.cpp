#include "data/stl10.h"

#include <gmock/gmock.h>

#include "tests/data/files.h"
#include "tests/support/paths.h"

namespace archleak::data {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr int64_t kSide = 96;

/// An image stored by column whose pixel at (y, x) is y in red, x in green and 7 in blue.
std::string image() {
  std::string bytes;
  for (int channel = 0; channel < 3; ++channel) {
    for (int x = 0; x < kSide; ++x) {
      for (int y = 0; y < kSide; ++y) bytes += static_cast<char>(channel == 0 ? y : channel == 1 ? x : 7);
    }
  }
  return bytes;
}

void write_split(const test::TemporaryFolder& folder, const std::string& split, const std::string& labels) {
  std::string images;
  for (size_t i = 0; i < labels.size(); ++i) images += image();
  test::write(folder / (split + "_X.bin"), images);
  test::write(folder / (split + "_y.bin"), labels);
}

TEST(Stl10, TurnsColumnsIntoRowsAndCountsLabelsFromZero) {
  const test::TemporaryFolder folder;
  write_split(folder, "train", "\1\12");
  write_split(folder, "test", "\3");
  const Splits splits = read_stl10(folder.path());
  EXPECT_THAT(splits.train.labels, ElementsAre(0, 9));
  EXPECT_THAT(splits.test.labels, ElementsAre(2));
  const auto example = splits.train.example(1);
  EXPECT_EQ(example[5 * kSide + 60], 5);
  EXPECT_EQ(example[kSide * kSide + 5 * kSide + 60], 60);
  EXPECT_EQ(example[2 * kSide * kSide], 7);
}

TEST(Stl10, RefusesPartialImagesWrongCountsAndLabelsOutOfRange) {
  const test::TemporaryFolder folder;
  const auto error = [&] { return test::error_of([&] { read_stl10(folder.path()); }); };
  EXPECT_THAT(error(), HasSubstr("train_X.bin: expected a file, got nothing"));
  write_split(folder, "train", "\1\2");
  test::write(folder / "train_X.bin", image() + "x");
  EXPECT_THAT(error(), HasSubstr("1 images and 1 bytes more"));
  write_split(folder, "train", "\1\13");
  EXPECT_THAT(error(), HasSubstr("train_y.bin: at byte 1: expected a label from 1 to 10, got 11"));
  test::write(folder / "train_y.bin", "\1");
  EXPECT_THAT(error(), HasSubstr("expected 2 bytes of labels"));
  test::write(folder / "train_y.bin", "\1\1\1");
  EXPECT_THAT(error(), HasSubstr("at byte 2: expected the end of the file"));
}

}  // namespace
}  // namespace archleak::data
