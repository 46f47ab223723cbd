#pragma once
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace archleak::data {

/// An image in memory.
struct Image {
  int64_t height = 0;
  int64_t width = 0;
  int64_t channels = 0;         ///< 1 (grey) or 3 (red, green, blue)
  std::vector<uint8_t> pixels;  ///< [height, width, channels]
};

/// Reads a PNG, JPEG, PPM, PGM or BMP file; `channels` 1 or 3 converts, 0 keeps grey or colour as stored.
/// Throws DataError for a missing file, one that is no such image, or one wider or higher than 8192 pixels or with more
/// than 16 million (checked before the image is decoded).
Image read_image(const std::filesystem::path& file, int64_t channels = 0);

/// The part of `image` from (top, left) of the given size. Throws DataError unless it lies within.
Image crop(const Image& image, int64_t top, int64_t left, int64_t height, int64_t width);

/// `image` resampled to another size; averages when it shrinks.
Image resize(const Image& image, int64_t height, int64_t width);

/// `image` with every pixel drawn as a square of `factor` by `factor`, for people to look at.
Image enlarge(const Image& image, int64_t factor);

/// Appends the pixels of `image` as [channels, height, width].
void append_planar(const Image& image, std::vector<uint8_t>& pixels);

/// The inverse of append_planar: an image from [channels, height, width] pixels.
Image from_planar(const uint8_t* pixels, int64_t channels, int64_t height, int64_t width);

/// The content of a PNG file.
std::string encode_png(const Image& image);

/// Writes a PNG file, atomically.
void write_png(const std::filesystem::path& file, const Image& image);

}  // namespace archleak::data
