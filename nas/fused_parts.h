#pragma once
#include <torch/torch.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "core/chunks.h"
#include "models/batch_norm.h"
#include "nas/fused_kernels.h"

namespace archleak::nas {

/// A unit's weights in the orders that the kernels read.
template <typename T>
struct Filters {
  std::vector<T> depthwise, flipped;           ///< [taps, channels]
  std::vector<T> pointwise, pointwise_turned;  ///< [out, in], [in, out]

  void pack(const torch::Tensor& depthwise_weight, const torch::Tensor& pointwise_weight) {
    const auto copy = [](const torch::Tensor& tensor) {
      const torch::Tensor packed = tensor.contiguous();
      return std::vector<T>(packed.data_ptr<T>(), packed.data_ptr<T>() + packed.numel());
    };
    const torch::Tensor taps = depthwise_weight.detach().flatten(1).t();
    depthwise = copy(taps);
    flipped = copy(taps.flip(0));
    pointwise = copy(pointwise_weight.detach().flatten(1));
    pointwise_turned = copy(pointwise_weight.detach().flatten(1).t());
  }
};

/// Batch normalisation without affine weights, as y scale + shift.
template <typename T>
struct Normalisation {
  models::BatchNorm* module = nullptr;
  bool of_batch = true;
  std::vector<double> mean, inverse;  ///< 1 / sqrt(var + eps)
  std::vector<T> scale, shift;

  /// `sums` is [2, channels]: y and y y over `count` pixels; it is read only where the batch's statistics are wanted.
  void finish(const double* sums, int64_t channels, double count) {
    of_batch = module->normalises_by_batch();
    const models::BatchStatistics statistics =
        of_batch ? models::batch_statistics(sums, channels, count) : module->running_statistics();
    if (of_batch) module->track(statistics, count);
    mean = statistics.mean;
    inverse.resize(channels), scale.resize(channels), shift.resize(channels);
    for (int64_t c = 0; c < channels; ++c) {
      inverse[c] = 1 / std::sqrt(statistics.variance[c] + models::BatchNorm::kEpsilon);
      scale[c] = static_cast<T>(inverse[c]);
      shift[c] = static_cast<T>(-mean[c] * inverse[c]);
    }
  }
};

/// The gradient through a normalisation whose output counts `weight` times, as a g + b + c y (NormGradient).
template <typename T>
struct Coefficients {
  std::vector<T> a, b, c;

  /// `g` and `gy` are [channels]: sums of g and of g times normalised y over `count` pixels. Returns the sum of gy.
  double finish(const Normalisation<T>& norm, double weight, const double* g, const double* gy, double count) {
    const size_t channels = norm.mean.size();
    a.resize(channels), b.assign(channels, 0), c.assign(channels, 0);
    double along = 0;
    for (size_t i = 0; i < channels; ++i) {
      const double inverse = norm.inverse[i];
      along += gy[i];
      a[i] = static_cast<T>(weight * inverse);
      if (!norm.of_batch) continue;
      const double slope = weight * inverse * inverse * gy[i] / count;
      c[i] = static_cast<T>(-slope);
      b[i] = static_cast<T>(slope * norm.mean[i] - weight * inverse * g[i] / count);
    }
    return along;
  }
  NormGradient<T> of(const T* g, int64_t stride, const T* y) const {
    return {g, stride, y, a.data(), b.data(), c.data()};
  }
};

/// A node's values or their gradient in NHWC, pixels `stride` elements apart.
template <typename T>
struct Plane {
  torch::Tensor memory;
  T* data = nullptr;
  int64_t stride = 0, height = 0, width = 0;

  int64_t pixels() const { return height * width; }
  T* image(int64_t n) const { return data + n * pixels() * stride; }
};

}  // namespace archleak::nas
