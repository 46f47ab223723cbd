#include "data/contact_sheet.h"

#include <spdlog/fmt/fmt.h>

#include <cmath>

#include "core/error.h"

namespace archleak::data {
namespace {

constexpr int64_t kGap = 2;
constexpr int64_t kMaxPixels = int64_t{1} << 26;
constexpr uint8_t kBlank = 64;

/// One example as an image; a shape of neither one nor three channels as a block of grey pixels.
Image picture(const Dataset& dataset, int64_t index) {
  const auto pixels = dataset.example(index);
  const auto [channels, height, width] = dataset.shape;
  if (channels == 1 || channels == 3) return from_planar(pixels.data(), channels, height, width);
  const auto side = static_cast<int64_t>(std::ceil(std::sqrt(static_cast<double>(pixels.size()))));
  Image block{(dataset.shape.size() + side - 1) / side, side, 1, {pixels.begin(), pixels.end()}};
  block.pixels.resize(static_cast<size_t>(block.height * side), kBlank);
  return block;
}

void paste(const Image& source, int64_t top, int64_t left, int64_t scale, Image& sheet) {
  for (int64_t y = 0; y < source.height * scale; ++y) {
    for (int64_t x = 0; x < source.width * scale; ++x) {
      const uint8_t* from = &source.pixels[(y / scale * source.width + x / scale) * source.channels];
      uint8_t* to = &sheet.pixels[((top + y) * sheet.width + left + x) * sheet.channels];
      std::copy(from, from + source.channels, to);
    }
  }
}

}  // namespace

Image contact_sheet(const Dataset& dataset, int64_t columns, int64_t scale) {
  dataset.validate();
  const Image first = picture(dataset, 0);
  const int64_t cell_height = first.height * scale + kGap, cell_width = first.width * scale + kGap;
  const int64_t height = dataset.classes * cell_height + kGap, width = columns * cell_width + kGap;
  if (columns < 1 || scale < 1 || height > kMaxPixels / width) {
    throw DataError(
        fmt::format("{}: expected a sheet of at most {} pixels, got {}x{}", dataset.name, kMaxPixels, height, width));
  }
  Image sheet{height, width, first.channels, {}};
  sheet.pixels.assign(static_cast<size_t>(height * width * first.channels), kBlank);
  std::vector<int64_t> shown(static_cast<size_t>(dataset.classes));
  for (int64_t i = 0; i < dataset.size(); ++i) {
    const int64_t label = dataset.labels[i];
    if (shown[label] == columns) continue;
    paste(picture(dataset, i), kGap + label * cell_height, kGap + shown[label]++ * cell_width, scale, sheet);
  }
  return sheet;
}

}  // namespace archleak::data
