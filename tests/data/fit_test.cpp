#include "data/fit.h"

#include <gtest/gtest.h>

#include "core/error.h"

namespace archleak::data {
namespace {

TEST(Fit, ColourBecomesItsLuma) {
  const Dataset colour{.name = "colour",
                       .shape = {3, 1, 2},
                       .classes = 7,
                       .class_names = {},
                       .pixels = {255, 10, 0, 20, 0, 30},
                       .labels = {5}};
  const Dataset grey = fit(colour, {1, 1, 2}, 3);
  // 0.299 red + 0.587 green + 0.114 blue.
  EXPECT_EQ(grey.pixels, (std::vector<uint8_t>{77, 18}));
  EXPECT_EQ(grey.labels, (std::vector<int32_t>{2})) << "5 modulo 3";
  EXPECT_NO_THROW(grey.validate());
}

TEST(Fit, GreyIsRepeatedInThreeChannels) {
  const Dataset grey{
      .name = "grey", .shape = {1, 1, 2}, .classes = 2, .class_names = {}, .pixels = {3, 200}, .labels = {1}};
  EXPECT_EQ(fit(grey, {3, 1, 2}, 2).pixels, (std::vector<uint8_t>{3, 200, 3, 200, 3, 200}));
}

TEST(Fit, TheSizeBecomesTheOthersAndAFlatImageStaysFlat) {
  const Dataset small{.name = "small",
                      .shape = {1, 4, 4},
                      .classes = 2,
                      .class_names = {},
                      .pixels = std::vector<uint8_t>(2 * 16, 90),
                      .labels = {0, 1}};
  const Dataset large = fit(small, {3, 7, 5}, 2);
  EXPECT_EQ(large.pixels, std::vector<uint8_t>(2 * 3 * 7 * 5, 90));
  EXPECT_EQ(large.labels, small.labels);
}

TEST(Fit, TablesDoNotFit) {
  const Dataset table{.name = "table",
                      .shape = {446, 1, 1},
                      .classes = 30,
                      .class_names = {},
                      .pixels = std::vector<uint8_t>(446),
                      .labels = {0}};
  EXPECT_THROW(fit(table, {1, 28, 28}, 10), DataError);
}

TEST(Append, ExamplesOfAnotherShapeAreRefused) {
  Dataset to{.name = "to", .shape = {1, 1, 1}, .classes = 2, .class_names = {}, .pixels = {1}, .labels = {0}};
  const Dataset more = to;
  append(to, more);
  EXPECT_EQ(to.pixels, (std::vector<uint8_t>{1, 1}));
  EXPECT_EQ(to.labels, (std::vector<int32_t>{0, 0}));
  Dataset other = more;
  other.shape = {1, 1, 2};
  other.pixels = {1, 2};
  EXPECT_THROW(append(to, other), DataError);
  other = more;
  other.classes = 3;
  EXPECT_THROW(append(to, other), DataError);
  EXPECT_EQ(to.size(), 2);
}

}  // namespace
}  // namespace archleak::data
