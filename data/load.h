#pragma once
#include <cstdint>
#include <filesystem>
#include <string>

#include "core/config.h"
#include "data/dataset.h"
#include "data/transform.h"

namespace archleak::data {

/// Which dataset, from where, how much of it, and how it becomes network input.
struct DataOptions {
  std::string name = "digits";  ///< see data/registry.h
  std::string root;             ///< folder with the official layouts; empty: $ARCHLEAK_DATA, else "data-cache"
  std::string path;             ///< "folder" and "table" only: the folder or file, relative to root
  int64_t train_skip = 0;       ///< training examples passed over, in the order that the seed draws, before any is kept
  int64_t train_limit = 0;      ///< examples kept of each split, drawn by the seed; 0 keeps all
  int64_t test_limit = 0;
  int64_t train_size = 6000;  ///< examples of a synthetic dataset
  int64_t test_size = 1000;
  int64_t image_size = 32;         ///< "gtsrb" and "folder": images are resized to this height and width
  bool region_of_interest = true;  ///< "gtsrb": crop to the annotated sign first
  TransformOptions transform;
};
void describe(ConfigSection section, DataOptions& options);

/// The folder that `root` stands for: itself, else $ARCHLEAK_DATA, else "data-cache".
std::filesystem::path data_root(const std::string& root);

/// Reads or draws the dataset. Deterministic: `seed` decides the examples of synthetic sets and of limited splits, and
/// nothing else. Throws DataError for missing or bad files and when nothing is kept, ConfigError for an unknown name.
Splits load(const DataOptions& options, uint64_t seed);

/// Whether `load` may give the two a training example in common, as far as their options tell: they name one dataset,
/// and are not different stretches (train_skip, train_limit) of its examples in the order of one seed. Synthetic sets
/// of different seeds have none in common.
bool may_overlap(const DataOptions& first, uint64_t first_seed, const DataOptions& second, uint64_t second_seed);

/// The transform of `options` for examples like those of `dataset`. A dataset without published statistics is scaled
/// to -1..1; binary tables stay 0 and 1. Throws ConfigError for a crop, flip or cutout on a table.
Transform make_transform(const DataOptions& options, const Dataset& dataset);

/// The part of `transform` that evaluation uses: no crop, flip or cutout.
Transform without_augmentation(Transform transform);

}  // namespace archleak::data
