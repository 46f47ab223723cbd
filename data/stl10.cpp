#include "data/stl10.h"

#include <spdlog/fmt/fmt.h>

#include "core/error.h"
#include "data/byte_source.h"
#include "data/lines.h"

namespace archleak::data {
namespace {

constexpr ExampleShape kShape{3, 96, 96};
constexpr uint64_t kMaxBytes = uint64_t{1} << 34;

uint64_t size_of(const std::filesystem::path& file) {
  std::error_code error;
  const uint64_t size = std::filesystem::file_size(file, error);
  if (error) throw DataError(file.string() + ": expected a file, got nothing");
  return size;
}

Dataset read_split(const std::filesystem::path& folder, const std::string& split) {
  const auto image_file = folder / (split + "_X.bin");
  const auto label_file = folder / (split + "_y.bin");
  const auto image_bytes = static_cast<uint64_t>(kShape.size());
  const uint64_t size = size_of(image_file);
  if (size == 0 || size % image_bytes != 0 || size > kMaxBytes) {
    throw DataError(fmt::format("{}: expected images of {} bytes, got {} bytes: {} images and {} bytes more",
                                image_file.string(), image_bytes, size, size / image_bytes, size % image_bytes));
  }
  const uint64_t count = size / image_bytes;
  Dataset dataset{"stl10 " + split, kShape, 10, read_class_names(folder / "class_names.txt", 10), {}, {}};

  ByteSource label_source(label_file);
  for (const uint8_t label : label_source.read(count, "labels")) {
    if (label < 1 || label > 10) {
      label_source.fail(dataset.labels.size(), fmt::format("expected a label from 1 to 10, got {}", label));
    }
    dataset.labels.push_back(label - 1);
  }
  label_source.expect_end();

  ByteSource image_source(image_file);
  dataset.pixels.resize(size);
  uint8_t* out = dataset.pixels.data();
  for (uint64_t i = 0; i < count; ++i) {
    const auto image = image_source.read(image_bytes, "an image");
    for (int64_t channel = 0; channel < kShape.channels; ++channel) {
      const uint8_t* plane = image.data() + channel * kShape.height * kShape.width;
      for (int64_t y = 0; y < kShape.height; ++y) {
        for (int64_t x = 0; x < kShape.width; ++x) *out++ = plane[x * kShape.height + y];
      }
    }
  }
  image_source.expect_end();
  return dataset;
}

}  // namespace

Splits read_stl10(const std::filesystem::path& folder) {
  return {read_split(folder, "train"), read_split(folder, "test")};
}

}  // namespace archleak::data
