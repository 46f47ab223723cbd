#pragma once
#include <cstdint>
#include <span>
#include <string>

#include "core/random.h"
#include "data/dataset.h"

namespace archleak::data {

/// Draws one example of class `label` into `pixels` ([channels, height, width]).
using DrawExample = void (*)(int64_t label, RandomEngine& engine, std::span<uint8_t> pixels);

/// A dataset that is drawn rather than read. What a class means never changes; the seed decides the examples, so sets
/// with different seeds are samples of one population (a target's and a shadow's, for instance).
struct SyntheticSet {
  std::string name;
  ExampleShape shape;
  int64_t classes;
  DrawExample draw;
};

/// Example `index` of the stream (seed, split) and its label, which is `index` modulo the classes. It depends on these
/// alone: any example can be drawn without the others. `split` is "train" or "test".
int32_t draw_example(const SyntheticSet& set, uint64_t seed, const std::string& split, int64_t index,
                     std::span<uint8_t> pixels);

/// The first `size` examples of the stream.
Dataset draw_split(const SyntheticSet& set, uint64_t seed, const std::string& split, int64_t size);

/// Both splits, from disjoint streams.
Splits draw_splits(const SyntheticSet& set, uint64_t seed, int64_t train_size, int64_t test_size);

}  // namespace archleak::data
