#pragma once
#include <torch/torch.h>

namespace archleak::models {

/// Zeroes each element with probability `rate` and scales the rest by 1 / (1 - rate), drawing from `generator`.
/// `rate` is in [0, 1). Throws Error for an undefined generator when there is something to draw.
torch::Tensor dropout(const torch::Tensor& input, double rate, const at::Generator& generator);

/// Drop-path: zeroes whole examples of `[batch, ...]` with probability `rate` and scales the rest by 1 / (1 - rate).
/// The same holds for `rate` and `generator`.
torch::Tensor drop_path(const torch::Tensor& input, double rate, const at::Generator& generator);

}  // namespace archleak::models
