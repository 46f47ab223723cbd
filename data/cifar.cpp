#include "data/cifar.h"

#include <spdlog/fmt/fmt.h>

#include "core/error.h"
#include "data/byte_source.h"
#include "data/lines.h"

namespace archleak::data {
namespace {

constexpr ExampleShape kShape{3, 32, 32};
constexpr uint64_t kMaxBytes = uint64_t{1} << 34;

/// Appends a file of records: `label_bytes` labels, of which the last counts, then the pixels by channel.
void append_records(const std::filesystem::path& file, uint64_t label_bytes, Dataset& dataset) {
  ByteSource source(file);
  const uint64_t record = label_bytes + static_cast<uint64_t>(kShape.size());
  const uint64_t size = std::filesystem::file_size(file);
  if (size == 0 || size % record != 0 || size > kMaxBytes) {
    throw DataError(fmt::format("{}: expected records of {} bytes, got {} bytes: {} records and {} bytes more",
                                file.string(), record, size, size / record, size % record));
  }
  dataset.pixels.reserve(dataset.pixels.size() + size / record * static_cast<uint64_t>(kShape.size()));
  for (uint64_t i = 0; i < size / record; ++i) {
    const uint64_t start = source.offset();
    const auto bytes = source.read(record, "a record");
    const uint8_t label = bytes[label_bytes - 1];
    if (label >= dataset.classes) {
      source.fail(start + label_bytes - 1,
                  fmt::format("expected a label from 0 to {}, got {}", dataset.classes - 1, label));
    }
    dataset.labels.push_back(label);
    dataset.pixels.insert(dataset.pixels.end(), bytes.begin() + static_cast<int64_t>(label_bytes), bytes.end());
  }
  source.expect_end();
}

}  // namespace

Splits read_cifar10(const std::filesystem::path& folder) {
  const auto names = read_class_names(folder / "batches.meta.txt", 10);
  Splits splits{{"cifar10 train", kShape, 10, names, {}, {}}, {"cifar10 test", kShape, 10, names, {}, {}}};
  for (int batch = 1; batch <= 5; ++batch) {
    const auto file = folder / fmt::format("data_batch_{}.bin", batch);
    if (std::filesystem::exists(file)) append_records(file, 1, splits.train);
  }
  if (splits.train.labels.empty()) {
    throw DataError(folder.string() + ": expected at least one of data_batch_1.bin to data_batch_5.bin, got none");
  }
  append_records(folder / "test_batch.bin", 1, splits.test);
  return splits;
}

Splits read_cifar100(const std::filesystem::path& folder) {
  const auto names = read_class_names(folder / "fine_label_names.txt", 100);
  Splits splits{{"cifar100 train", kShape, 100, names, {}, {}}, {"cifar100 test", kShape, 100, names, {}, {}}};
  append_records(folder / "train.bin", 2, splits.train);
  append_records(folder / "test.bin", 2, splits.test);
  return splits;
}

}  // namespace archleak::data
