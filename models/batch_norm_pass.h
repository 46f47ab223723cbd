#pragma once
#include "models/batch_norm.h"

namespace archleak::models {

/// Whether `batch_norm_pass` takes `input`: dense, channels_last, on the CPU, float32 or float64, more than one value a
/// channel.
bool has_batch_norm_pass(const torch::Tensor& input);

/// Batch normalisation by the batch's statistics, which it also tracks in `norm`. Sums are taken in float64, image by
/// image in a fixed number of chunks: the same bits for any number of threads. Differentiable any number of times; the
/// first derivative is a kernel, higher ones go through LibTorch's operations.
torch::Tensor batch_norm_pass(BatchNorm& norm, const torch::Tensor& input);

}  // namespace archleak::models
