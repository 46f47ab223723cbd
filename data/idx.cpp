#include "data/idx.h"

#include <spdlog/fmt/fmt.h>

#include "core/error.h"
#include "data/byte_source.h"

namespace archleak::data {
namespace {

constexpr uint32_t kUnsignedBytes = 0x08;
constexpr uint64_t kMaxBytes = uint64_t{1} << 34;

std::filesystem::path find(const std::filesystem::path& folder, const std::string& stem, const std::string& kind) {
  for (const char* separator : {"-", "."}) {
    for (const char* ending : {"", ".gz"}) {
      auto file = folder / (stem + separator + kind + "-ubyte" + ending);
      if (std::filesystem::exists(file)) return file;
    }
  }
  throw DataError(
      fmt::format("{}: expected {}-{}-ubyte or {}-{}-ubyte.gz, got neither", folder.string(), stem, kind, stem, kind));
}

Dataset read_split(const std::filesystem::path& folder, const std::string& stem, const std::string& name) {
  const auto image_file = find(folder, stem + "-images", "idx3");
  const auto label_file = find(folder, stem + "-labels", "idx1");
  IdxArray images = read_idx(image_file, 3);
  const IdxArray labels = read_idx(label_file, 1);
  if (images.shape[0] != labels.shape[0]) {
    throw DataError(fmt::format("{}: expected {} labels, one an image of {}, got {}", label_file.string(),
                                images.shape[0], image_file.filename().string(), labels.shape[0]));
  }
  Dataset dataset{name, {1, images.shape[1], images.shape[2]}, 10, {}, std::move(images.bytes), {}};
  dataset.labels.reserve(labels.bytes.size());
  for (const uint8_t label : labels.bytes) {
    if (label >= dataset.classes) {
      throw DataError(fmt::format("{}: at byte {}: expected a label from 0 to 9, got {}", label_file.string(),
                                  8 + dataset.labels.size(), label));
    }
    dataset.labels.push_back(label);
  }
  return dataset;
}

}  // namespace

IdxArray read_idx(const std::filesystem::path& file, int64_t dimensions) {
  ByteSource source(file);
  const uint32_t magic = source.read_u32("the magic number");
  const uint32_t expected = kUnsignedBytes << 8 | static_cast<uint32_t>(dimensions);
  if (magic != expected) {
    source.fail(0, fmt::format("expected the IDX magic number {:#010x}, got {:#010x}", expected, magic));
  }
  IdxArray array;
  uint64_t total = 1;
  for (int64_t i = 0; i < dimensions; ++i) {
    const uint64_t size = source.read_u32("a dimension");
    if (size == 0 || size > kMaxBytes / total) {
      source.fail(source.offset() - 4,
                  fmt::format("expected a dimension from 1 to {}, got {}", kMaxBytes / total, size));
    }
    total *= size;
    array.shape.push_back(static_cast<int64_t>(size));
  }
  array.bytes = source.read(total, dimensions == 1 ? "labels" : "pixels");
  source.expect_end();
  return array;
}

Splits read_mnist(const std::filesystem::path& folder, const std::string& name) {
  Splits splits{read_split(folder, "train", name + " train"), read_split(folder, "t10k", name + " test")};
  if (splits.train.shape != splits.test.shape) {
    throw DataError(fmt::format("{}: expected test images of {}x{} pixels like the training images, got {}x{}",
                                folder.string(), splits.train.shape.height, splits.train.shape.width,
                                splits.test.shape.height, splits.test.shape.width));
  }
  return splits;
}

}  // namespace archleak::data
