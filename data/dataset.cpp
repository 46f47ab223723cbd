#include "data/dataset.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>

#include "core/error.h"
#include "core/hash.h"

namespace archleak::data {

std::string Dataset::class_name(int64_t label) const {
  return class_names.empty() ? std::to_string(label) : class_names.at(static_cast<size_t>(label));
}

void Dataset::validate() const {
  if (labels.empty()) throw DataError(name + ": expected at least one example, got none");
  if (shape.channels < 1 || shape.height < 1 || shape.width < 1 || classes < 1) {
    throw DataError(fmt::format("{}: expected a positive shape and classes, got {}x{}x{} and {}", name, shape.channels,
                                shape.height, shape.width, classes));
  }
  if (static_cast<int64_t>(pixels.size()) != size() * shape.size()) {
    throw DataError(fmt::format("{}: expected {} pixels for {} labels, got {}", name, size() * shape.size(), size(),
                                pixels.size()));
  }
  if (!class_names.empty() && static_cast<int64_t>(class_names.size()) != classes) {
    throw DataError(fmt::format("{}: expected {} class names, got {}", name, classes, class_names.size()));
  }
  for (int64_t i = 0; i < size(); ++i) {
    if (labels[i] < 0 || labels[i] >= classes) {
      throw DataError(
          fmt::format("{}: example {}: expected a label from 0 to {}, got {}", name, i, classes - 1, labels[i]));
    }
  }
}

std::string content_hash(const Dataset& dataset) {
  std::string text = fmt::format("{}x{}x{} {} {}\n", dataset.shape.channels, dataset.shape.height, dataset.shape.width,
                                 dataset.classes, dataset.size());
  text += to_hex(sha256(dataset.pixels.data(), dataset.pixels.size()));
  text += to_hex(sha256(dataset.labels.data(), dataset.labels.size() * sizeof(int32_t)));
  return to_hex(sha256(text.data(), text.size()));
}

Dataset subset(const Dataset& dataset, std::span<const int64_t> indices) {
  Dataset part{dataset.name, dataset.shape, dataset.classes, dataset.class_names, {}, {}};
  part.pixels.reserve(indices.size() * static_cast<size_t>(dataset.shape.size()));
  part.labels.reserve(indices.size());
  for (const int64_t index : indices) {
    if (index < 0 || index >= dataset.size()) {
      throw DataError(
          fmt::format("{}: expected an index from 0 to {}, got {}", dataset.name, dataset.size() - 1, index));
    }
    const auto example = dataset.example(index);
    part.pixels.insert(part.pixels.end(), example.begin(), example.end());
    part.labels.push_back(dataset.labels[index]);
  }
  return part;
}

void append(Dataset& to, const Dataset& more) {
  if (to.shape != more.shape || to.classes != more.classes) {
    throw DataError(
        fmt::format("{}: expected examples of the same shape and classes to append, got {}", to.name, more.name));
  }
  to.pixels.insert(to.pixels.end(), more.pixels.begin(), more.pixels.end());
  to.labels.insert(to.labels.end(), more.labels.begin(), more.labels.end());
}

}  // namespace archleak::data
