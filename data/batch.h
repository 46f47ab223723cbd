#pragma once
#include <torch/torch.h>

#include <cstdint>
#include <span>

#include "core/random.h"
#include "data/dataset.h"
#include "data/transform.h"

namespace archleak::data {

/// Examples as network input.
struct Batch {
  torch::Tensor images;  ///< [batch, channels, height, width] float32, channels_last
  torch::Tensor labels;  ///< [batch] int64
};

/// The examples `indices` of `dataset`, transformed, on the CPU. Crop, flip and cutout draw from `augmentation`, in the
/// order of the indices; null leaves them out. Throws DataError for an index out of range or a transform that does not
/// fit the channels.
Batch gather(const Dataset& dataset, std::span<const int64_t> indices, const Transform& transform,
             RandomEngine* augmentation = nullptr);

/// Adds to every pixel a draw of N(0, std^2) in units of its range 0..1, before `transform` normalised it.
void add_pixel_noise(torch::Tensor images, const Transform& transform, double std, RandomEngine& engine);

}  // namespace archleak::data
