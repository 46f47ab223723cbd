#include "data/image.h"

#include <gmock/gmock.h>

#include "core/file.h"
#include "data/contact_sheet.h"
#include "tests/data/files.h"
#include "tests/support/paths.h"

namespace archleak::data {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

Image gradient(int64_t height, int64_t width, int64_t channels) {
  Image image{height, width, channels, {}};
  for (int64_t i = 0; i < height * width * channels; ++i) image.pixels.push_back(static_cast<uint8_t>(i * 5));
  return image;
}

TEST(Image, ReadsBackThePngThatItWrote) {
  const test::TemporaryFolder folder;
  for (const int64_t channels : {1, 3}) {
    const Image image = gradient(5, 7, channels);
    write_png(folder / "a.png", image);
    const Image read = read_image(folder / "a.png");
    EXPECT_EQ(read.channels, channels);
    EXPECT_EQ(read.height, 5);
    EXPECT_EQ(read.width, 7);
    EXPECT_EQ(read.pixels, image.pixels);
  }
}

TEST(Image, ReadsPpmWithAnyHeader) {
  const test::TemporaryFolder folder;
  const std::string red_green = "\xff\1\2\3\xff\4";
  for (const char* header : {"P6\n2 1\n255\n", "P6\r\n2 1\r\n255\r\n", "P6\n# made by hand\n2\n1\n255 "}) {
    test::write(folder / "a.ppm", header + red_green);
    EXPECT_THAT(read_image(folder / "a.ppm").pixels, ElementsAre(255, 1, 2, 3, 255, 4)) << header;
  }
}

TEST(Image, RepairsPpmThatWentThroughTextMode) {
  const test::TemporaryFolder folder;
  test::write(folder / "a.ppm", "P6\r\n2 1\r\n255\r\n\1\2\r\n\4\5\6");
  EXPECT_THAT(read_image(folder / "a.ppm").pixels, ElementsAre(1, 2, 10, 4, 5, 6));
  test::write(folder / "a.ppm", "P6\r\n2 1\r\n255\r\n\1\2\r\n\4\5");  // these two are pixels
  EXPECT_THAT(read_image(folder / "a.ppm").pixels, ElementsAre(1, 2, 13, 10, 4, 5));
}

TEST(Image, RefusesWhatIsNoImageOrTooLarge) {
  const test::TemporaryFolder folder;
  const auto error = [&](const std::string& content) {
    test::write(folder / "a", content);
    return test::error_of([&] { read_image(folder / "a"); });
  };
  EXPECT_THAT(error("P6\n2 1\n255\nabc"), HasSubstr("expected 6 bytes of pixels, got 3"));
  EXPECT_THAT(error("P6\n2 1\n255\nabcdefg"), HasSubstr("expected 6 bytes of pixels, got 7"));
  EXPECT_THAT(error("P6\n99999 99999\n255\nabc"), HasSubstr("width and height up to 8192"));
  EXPECT_THAT(error("P6\n2 1\n65535\nabcdef"), HasSubstr("largest value 255"));
  EXPECT_THAT(error("no image at all"), HasSubstr("a: expected an image"));
  EXPECT_THAT(test::error_of([&] { read_image(folder / "absent"); }), HasSubstr("absent: expected a file"));

  write_png(folder / "bomb.png", {1, 1, 1, {0}});
  std::string png = read_file(folder / "bomb.png");
  png.replace(16, 8, test::big_endian(0x00ffffff) + test::big_endian(0x00ffffff));
  EXPECT_THAT(error(png), HasSubstr("a: expected"));
}

TEST(Image, SurvivesDamage) {
  const test::TemporaryFolder folder;
  write_png(folder / "a.png", gradient(9, 9, 3));
  const std::string png = read_file(folder / "a.png");
  const auto read = [&] { read_image(folder / "b"); };
  EXPECT_GE(test::count_refused(folder / "b", png, read), 60);
  EXPECT_GE(test::count_refused(folder / "b", "P5\n4 4\n255\n" + test::noise(16), read), 60);
}

TEST(Image, CropsAndAveragesWhenItShrinks) {
  const Image image{2, 4, 1, {0, 100, 10, 30, 100, 200, 50, 70}};
  const Image part = crop(image, 0, 1, 2, 2);
  EXPECT_THAT(part.pixels, ElementsAre(100, 10, 200, 50));
  EXPECT_THAT(test::error_of([&] { crop(image, 1, 0, 2, 2); }), HasSubstr("expected a region within 2x4"));
  Image flat{40, 40, 3, std::vector<uint8_t>(4800, 77)};
  const Image small = resize(flat, 8, 8);
  EXPECT_EQ(small.pixels, std::vector<uint8_t>(192, 77));
}

TEST(Image, DrawsEveryPixelAsASquareWhenItIsEnlarged) {
  const Image large = enlarge(Image{1, 2, 3, {1, 2, 3, 4, 5, 6}}, 2);
  EXPECT_EQ(large.height, 2);
  EXPECT_EQ(large.width, 4);
  EXPECT_EQ(large.channels, 3);
  EXPECT_THAT(large.pixels, ElementsAre(1, 2, 3, 1, 2, 3, 4, 5, 6, 4, 5, 6, 1, 2, 3, 1, 2, 3, 4, 5, 6, 4, 5, 6));
}

TEST(ContactSheet, HasARowForEachClass) {
  Dataset dataset{"toy", {1, 2, 3}, 2, {}, {}, {1, 0, 1, 1}};
  for (int example = 0; example < 4; ++example) {
    for (int pixel = 0; pixel < 6; ++pixel) dataset.pixels.push_back(static_cast<uint8_t>(100 + 10 * example));
  }
  const Image sheet = contact_sheet(dataset, 2, 1);
  EXPECT_EQ(sheet.height, 2 * 4 + 2);
  EXPECT_EQ(sheet.width, 2 * 5 + 2);
  EXPECT_EQ(sheet.pixels[2 * sheet.width + 2], 110);      // class 0: the second example
  EXPECT_EQ(sheet.pixels[6 * sheet.width + 2], 100);      // class 1: the first
  EXPECT_EQ(sheet.pixels[6 * sheet.width + 2 + 5], 120);  // and the third
  EXPECT_THAT(test::error_of([&] { contact_sheet(dataset, 1 << 20, 16); }), HasSubstr("expected a sheet of at most"));
}

}  // namespace
}  // namespace archleak::data
