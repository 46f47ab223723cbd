#include "data/image.h"

#include <spdlog/fmt/fmt.h>

#include <memory>
#include <string>

#define STBI_NO_STDIO
#define STBI_WRITE_NO_STDIO
#include <stb_image.h>
#include <stb_image_resize.h>
#include <stb_image_write.h>

#include "core/error.h"
#include "core/file.h"
#include "data/pnm.h"

namespace archleak::data {
namespace {

constexpr uint64_t kMaxFileBytes = uint64_t{1} << 26;
constexpr int64_t kMaxSide = 8192;
constexpr int64_t kMaxPixels = int64_t{1} << 24;

}  // namespace

Image read_image(const std::filesystem::path& file, int64_t channels) {
  std::string content = read_file(file, kMaxFileBytes);
  if (is_pnm(content)) content = canonical_pnm(content, file);
  const auto* bytes = reinterpret_cast<const stbi_uc*>(content.data());
  const auto size = static_cast<int>(content.size());
  int width = 0, height = 0, stored = 0;
  if (!stbi_info_from_memory(bytes, size, &width, &height, &stored)) {
    throw DataError(fmt::format("{}: expected an image, got {}", file.string(), stbi_failure_reason()));
  }
  if (width < 1 || height < 1 || width > kMaxSide || height > kMaxSide || int64_t{width} * height > kMaxPixels) {
    throw DataError(fmt::format("{}: expected at most {} pixels and {} on a side, got {}x{}", file.string(), kMaxPixels,
                                kMaxSide, width, height));
  }
  const int wanted = channels != 0 ? static_cast<int>(channels) : stored <= 2 ? 1 : 3;
  const std::unique_ptr<stbi_uc, decltype(&stbi_image_free)> pixels(
      stbi_load_from_memory(bytes, size, &width, &height, &stored, wanted), stbi_image_free);
  if (!pixels) throw DataError(fmt::format("{}: expected an image, got {}", file.string(), stbi_failure_reason()));
  Image image{height, width, wanted, {}};
  image.pixels.assign(pixels.get(), pixels.get() + int64_t{height} * width * wanted);
  return image;
}

Image crop(const Image& image, int64_t top, int64_t left, int64_t height, int64_t width) {
  if (top < 0 || left < 0 || height < 1 || width < 1 || height > image.height - top || width > image.width - left) {
    throw DataError(fmt::format("expected a region within {}x{} pixels, got {}x{} at ({}, {})", image.height,
                                image.width, height, width, top, left));
  }
  Image part{height, width, image.channels, {}};
  part.pixels.reserve(static_cast<size_t>(height * width * image.channels));
  for (int64_t y = top; y < top + height; ++y) {
    const uint8_t* row = image.pixels.data() + (y * image.width + left) * image.channels;
    part.pixels.insert(part.pixels.end(), row, row + width * image.channels);
  }
  return part;
}

Image resize(const Image& image, int64_t height, int64_t width) {
  if (image.height == height && image.width == width) return image;
  Image result{height, width, image.channels, {}};
  result.pixels.resize(static_cast<size_t>(height * width * image.channels));
  if (!stbir_resize_uint8(image.pixels.data(), static_cast<int>(image.width), static_cast<int>(image.height), 0,
                          result.pixels.data(), static_cast<int>(width), static_cast<int>(height), 0,
                          static_cast<int>(image.channels))) {
    throw Error(fmt::format("cannot resize {}x{} pixels to {}x{}", image.height, image.width, height, width));
  }
  return result;
}

Image enlarge(const Image& image, int64_t factor) {
  Image result{image.height * factor, image.width * factor, image.channels, {}};
  result.pixels.reserve(image.pixels.size() * static_cast<size_t>(factor * factor));
  for (int64_t y = 0; y < result.height; ++y) {
    for (int64_t x = 0; x < result.width; ++x) {
      const uint8_t* pixel = image.pixels.data() + (y / factor * image.width + x / factor) * image.channels;
      result.pixels.insert(result.pixels.end(), pixel, pixel + image.channels);
    }
  }
  return result;
}

void append_planar(const Image& image, std::vector<uint8_t>& pixels) {
  const int64_t count = image.height * image.width;
  for (int64_t channel = 0; channel < image.channels; ++channel) {
    for (int64_t i = 0; i < count; ++i) pixels.push_back(image.pixels[i * image.channels + channel]);
  }
}

Image from_planar(const uint8_t* pixels, int64_t channels, int64_t height, int64_t width) {
  Image image{height, width, channels, std::vector<uint8_t>(static_cast<size_t>(channels * height * width))};
  for (int64_t channel = 0; channel < channels; ++channel) {
    for (int64_t i = 0; i < height * width; ++i) image.pixels[i * channels + channel] = *pixels++;
  }
  return image;
}

std::string encode_png(const Image& image) {
  std::string content;
  const auto append = [](void* context, void* data, int size) {
    static_cast<std::string*>(context)->append(static_cast<const char*>(data), static_cast<size_t>(size));
  };
  if (!stbi_write_png_to_func(append, &content, static_cast<int>(image.width), static_cast<int>(image.height),
                              static_cast<int>(image.channels), image.pixels.data(), 0)) {
    throw Error(fmt::format("cannot encode {}x{} pixels as a PNG image", image.height, image.width));
  }
  return content;
}

void write_png(const std::filesystem::path& file, const Image& image) {
  write_file_atomically(file, encode_png(image));
}

}  // namespace archleak::data
