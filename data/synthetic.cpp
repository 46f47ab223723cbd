#include "data/synthetic.h"

namespace archleak::data {

int32_t draw_example(const SyntheticSet& set, uint64_t seed, const std::string& split, int64_t index,
                     std::span<uint8_t> pixels) {
  const std::string purpose = set.name + " " + split;
  RandomEngine engine = make_engine({.seed = seed, .purpose = purpose, .index = index});
  const int64_t label = index % set.classes;
  set.draw(label, engine, pixels);
  return static_cast<int32_t>(label);
}

Dataset draw_split(const SyntheticSet& set, uint64_t seed, const std::string& split, int64_t size) {
  Dataset dataset{set.name + " " + split, set.shape, set.classes, {}, {}, {}};
  const auto each = static_cast<size_t>(set.shape.size());
  dataset.pixels.resize(static_cast<size_t>(size) * each);
  dataset.labels.resize(static_cast<size_t>(size));
  for (int64_t i = 0; i < size; ++i) {
    dataset.labels[i] = draw_example(set, seed, split, i, std::span(dataset.pixels).subspan(i * each, each));
  }
  return dataset;
}

Splits draw_splits(const SyntheticSet& set, uint64_t seed, int64_t train_size, int64_t test_size) {
  return {draw_split(set, seed, "train", train_size), draw_split(set, seed, "test", test_size)};
}

}  // namespace archleak::data
