#include "models/dropout.h"

#include "core/error.h"

namespace archleak::models {
namespace {

/// torch would silently take its global generator instead.
void expect_defined(const at::Generator& generator) {
  if (!generator.defined()) throw Error("dropout: expected a generator (set_generator) before training, got none");
}

}  // namespace

torch::Tensor dropout(const torch::Tensor& input, double rate, const at::Generator& generator) {
  if (rate == 0) return input;
  expect_defined(generator);
  torch::Tensor keep = torch::empty_like(input, torch::TensorOptions().requires_grad(false));
  keep.bernoulli_(1 - rate, generator).div_(1 - rate);
  return input * keep;
}

torch::Tensor drop_path(const torch::Tensor& input, double rate, const at::Generator& generator) {
  if (rate == 0) return input;
  expect_defined(generator);
  std::vector<int64_t> shape(input.dim(), 1);
  shape[0] = input.size(0);
  torch::Tensor keep = torch::empty(shape, input.options().requires_grad(false));
  keep.bernoulli_(1 - rate, generator).div_(1 - rate);
  return input * keep;
}

}  // namespace archleak::models
