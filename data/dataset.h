#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "core/shape.h"

namespace archleak::data {

/// One split of a dataset, in memory.
struct Dataset {
  std::string name;                      ///< "mnist train"
  ExampleShape shape;                    ///< of every example
  int64_t classes = 0;                   ///< labels are 0..classes-1
  std::vector<std::string> class_names;  ///< `classes` names, or none
  std::vector<uint8_t> pixels;           ///< [examples, channels, height, width]; binary features are 0 or 255
  std::vector<int32_t> labels;           ///< [examples]

  int64_t size() const { return static_cast<int64_t>(labels.size()); }

  /// The pixels of one example, [channels, height, width].
  std::span<const uint8_t> example(int64_t index) const {
    return std::span(pixels).subspan(static_cast<size_t>(index * shape.size()), static_cast<size_t>(shape.size()));
  }

  /// The name of a class: from `class_names`, else its number.
  std::string class_name(int64_t label) const;

  /// Throws DataError unless sizes agree, there is an example, and every label is in range.
  void validate() const;
};

/// The two published splits of a dataset; both have the same shape and classes.
struct Splits {
  Dataset train;
  Dataset test;
};

/// SHA-256, in hexadecimal, of the examples: pixels, labels, shape and number of classes, whatever they are called.
std::string content_hash(const Dataset& dataset);

/// The examples `indices` of `dataset`, in that order. Throws DataError for an index out of range.
Dataset subset(const Dataset& dataset, std::span<const int64_t> indices);

/// Adds the examples of `more` behind those of `to`. Throws DataError for another shape or number of classes.
void append(Dataset& to, const Dataset& more);

}  // namespace archleak::data
