#pragma once
#include <torch/torch.h>

namespace archleak::models {

/// Draws all weights of `module` anew from `generator`, in the order of its named parameters, the way torch's layers
/// start: convolution and linear weights and their biases from U(-1/sqrt(fan_in), 1/sqrt(fan_in)) (He et al. 2015 with
/// a = sqrt(5)), one-dimensional weights one, their biases zero; buffers as constructed. Parameters that are neither
/// called "weight" nor "bias" are left alone.
void initialise(torch::nn::Module& module, const at::Generator& generator);

}  // namespace archleak::models
