#include "data/fit.h"

#include <spdlog/fmt/fmt.h>

#include "core/error.h"
#include "data/image.h"

namespace archleak::data {
namespace {

/// Integer luma weights in 1/256.
uint8_t luma(const uint8_t* colour) {
  return static_cast<uint8_t>((77 * colour[0] + 150 * colour[1] + 29 * colour[2] + 128) >> 8);
}

Image with_channels(const Image& image, int64_t channels) {
  if (image.channels == channels) return image;
  Image result{.height = image.height, .width = image.width, .channels = channels, .pixels = {}};
  for (int64_t i = 0; i < image.height * image.width; ++i) {
    const uint8_t* from = &image.pixels[i * image.channels];
    if (channels == 1) {
      result.pixels.push_back(luma(from));
    } else {
      result.pixels.insert(result.pixels.end(), 3, *from);
    }
  }
  return result;
}

}  // namespace

Dataset fit(const Dataset& dataset, ExampleShape shape, int64_t classes) {
  for (const int64_t channels : {dataset.shape.channels, shape.channels}) {
    if (channels != 1 && channels != 3) {
      throw DataError(fmt::format("{}: expected images of 1 or 3 channels to fit, got {}", dataset.name, channels));
    }
  }
  Dataset result{.name = dataset.name, .shape = shape, .classes = classes};
  for (int64_t i = 0; i < dataset.size(); ++i) {
    const Image image =
        from_planar(dataset.example(i).data(), dataset.shape.channels, dataset.shape.height, dataset.shape.width);
    append_planar(resize(with_channels(image, shape.channels), shape.height, shape.width), result.pixels);
    result.labels.push_back(static_cast<int32_t>(dataset.labels[i] % classes));
  }
  return result;
}

}  // namespace archleak::data
