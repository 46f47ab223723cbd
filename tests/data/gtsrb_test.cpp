#include "data/gtsrb.h"

#include <gmock/gmock.h>
#include <spdlog/fmt/fmt.h>

#include <set>

#include "tests/data/files.h"
#include "tests/support/paths.h"

namespace archleak::data {
namespace {

using testing::HasSubstr;

constexpr const char* kHeader = "Filename;Width;Height;Roi.X1;Roi.Y1;Roi.X2;Roi.Y2;ClassId\r\n";

/// 43 classes of eight tracks with two frames each; the region of interest is white, all else is the track's number.
void write_signs(const test::TemporaryFolder& folder) {
  for (int label = 0; label < 43; ++label) {
    std::string csv = kHeader;
    for (int track = 0; track < 8; ++track) {
      for (int frame = 0; frame < 2; ++frame) {
        const std::string name = fmt::format("{:05}_{:05}.ppm", track, frame);
        csv += fmt::format("{};6;6;1;1;4;4;{}\r\n", name, label);
        std::string pixels;
        for (int y = 0; y < 6; ++y) {
          for (int x = 0; x < 6; ++x) {
            const bool inside = x >= 1 && x <= 4 && y >= 1 && y <= 4;
            pixels += std::string(3, inside ? '\xff' : static_cast<char>(track));
          }
        }
        test::write(folder / fmt::format("{:05}/{}", label, name), "P6\n6 6\n255\n" + pixels);
      }
    }
    test::write(folder / fmt::format("{0:05}/GT-{0:05}.csv", label), csv);
  }
}

TEST(Gtsrb, KeepsTheImagesOfOneSignTogether) {
  const test::TemporaryFolder folder;
  write_signs(folder);
  const Splits splits = read_gtsrb(folder.path(), 6, false);
  EXPECT_EQ(splits.train.shape, (ExampleShape{3, 6, 6}));
  EXPECT_EQ(splits.train.size(), 43 * 12);
  EXPECT_EQ(splits.test.size(), 43 * 4);
  std::set<int> tracks;
  for (int64_t i = 0; i < splits.test.size(); ++i) tracks.insert(splits.test.example(i)[0]);
  EXPECT_EQ(tracks, (std::set<int>{3, 7}));
}

TEST(Gtsrb, CropsToTheSignIfWished) {
  const test::TemporaryFolder folder;
  write_signs(folder);
  const Splits splits = read_gtsrb(folder.path(), 8, true);
  for (const uint8_t pixel : splits.train.pixels) ASSERT_EQ(pixel, 255);
}

TEST(Gtsrb, SaysWhichLineIsWrong) {
  const test::TemporaryFolder folder;
  write_signs(folder);
  const auto error = [&](const std::string& csv) {
    test::write(folder / "00002/GT-00002.csv", csv);
    return test::error_of([&] { read_gtsrb(folder.path(), 8, true); });
  };
  const std::string header = kHeader;
  EXPECT_THAT(error("Filename,Width\n"), HasSubstr("GT-00002.csv:1: expected the header"));
  EXPECT_THAT(error(header + "00000_00000.ppm;6;6;1;1;4;4\n"), HasSubstr(":2: expected 8 fields, got 7"));
  EXPECT_THAT(error(header + "00000_00000.ppm;6;6;1;1;4;4;2;9\n"), HasSubstr(":2: expected 8 fields, got more"));
  EXPECT_THAT(error(header + "00000_00000.ppm;6;-6;1;1;4;4;2\n"), HasSubstr(":2: expected a whole number in field 3"));
  EXPECT_THAT(error(header + "00000_00000.ppm;6;6;1;1;4;4;7\n"), HasSubstr(":2: expected class 2, got 7"));
  EXPECT_THAT(error(header + "../x_1.ppm;6;6;1;1;4;4;2\n"), HasSubstr(":2: expected a file name"));
  EXPECT_THAT(error(header + "x.ppm;6;6;1;1;4;4;2\n"), HasSubstr(":2: expected a file name TRACK_FRAME.ppm"));
  EXPECT_THAT(error(header + "\n00000_00000.ppm;7;6;1;1;4;4;2\n"), HasSubstr(":3: expected 00000_00000.ppm of 7x6"));
  EXPECT_THAT(error(header + "00000_00000.ppm;6;6;1;1;6;4;2\n"), HasSubstr(":2: expected a region within 6x6"));
  EXPECT_THAT(error(header + "00000_00009.ppm;6;6;1;1;4;4;2\n"), HasSubstr("00000_00009.ppm: expected a file"));
}

TEST(Gtsrb, SurvivesDamage) {
  const test::TemporaryFolder folder;
  write_signs(folder);
  const std::string csv = std::string(kHeader) + "00000_00000.ppm;6;6;1;1;4;4;0\r\n00001_00000.ppm;6;6;1;1;4;4;0\r\n";
  EXPECT_GE(test::count_refused(folder / "00000/GT-00000.csv", csv, [&] { read_gtsrb(folder.path(), 4, true); }), 80);
}

TEST(Gtsrb, ReadsRealSigns) {
  const auto folder = test::real_data("GTSRB/Final_Training/Images");
  if (!folder) GTEST_SKIP() << "no GTSRB here";
  const Splits splits = read_gtsrb(*folder, 32, true);
  EXPECT_GE(splits.train.size() + splits.test.size(), 43 * 60);
  std::set<int32_t> seen(splits.test.labels.begin(), splits.test.labels.end());
  EXPECT_EQ(seen.size(), 43u);
  // The stop sign (14) is redder, the sign "ahead only" (35) bluer than red: colours are where they belong.
  std::vector<double> red(43), blue(43);
  for (int64_t i = 0; i < splits.train.size(); ++i) {
    for (int64_t k = 0; k < 1024; ++k) {
      red[splits.train.labels[i]] += splits.train.example(i)[k];
      blue[splits.train.labels[i]] += splits.train.example(i)[2048 + k];
    }
  }
  EXPECT_GT(red[14], 1.2 * blue[14]);
  EXPECT_GT(blue[35], 1.2 * red[35]);
}

}  // namespace
}  // namespace archleak::data
