#pragma once
#include <cstdint>
#include <vector>

#include "core/config.h"

namespace archleak::data {

/// How pixels become network inputs. The augmentations are those of DARTS (Liu et al. 2019): for CIFAR-10 crop_padding
/// 4, flip and cutout 16.
struct TransformOptions {
  bool normalise = true;     ///< with the dataset's published mean and deviation; else pixels are in 0..1
  int64_t crop_padding = 0;  ///< zero pixels added around the image before a random crop of its own size
  bool flip = false;         ///< mirror left and right with probability one half
  int64_t cutout = 0;        ///< side of the square that is set to zero after normalising, in pixels
};
void describe(ConfigSection section, TransformOptions& options);

/// A ready transform: x = (pixel / 255 - mean) / deviation per channel, after crop and flip, before cutout.
struct Transform {
  std::vector<float> mean = {0};       ///< [channels], or one value for all channels
  std::vector<float> deviation = {1};  ///< likewise, above 0
  int64_t crop_padding = 0;
  bool flip = false;
  int64_t cutout = 0;
};

}  // namespace archleak::data
