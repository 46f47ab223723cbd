#include "attacks/reconstruction/alpha_observation.h"

#include <spdlog/fmt/fmt.h>

#include "core/error.h"

namespace archleak::attacks {
namespace {

std::vector<int64_t> effective_rows(const DagWeights& weights) {
  std::vector<int64_t> rows;
  for (int64_t row = 0; row < nas::first_connection(weights.cells); ++row) rows.push_back(row);
  const bool all = weights.options.alpha == nas::AlphaMapping::softmax;
  for (int64_t p = 1; p < weights.cells; ++p) {
    for (int64_t o = 0; o < nas::kOperations; ++o) {
      const bool zero = o == nas::kNone || (o == nas::kMaxPool && !weights.options.max_pool);
      if (all || !zero) rows.push_back(weights.operation_row(p) + o);
    }
  }
  return rows;
}

}  // namespace

AlphaObservation::AlphaObservation(const DagWeights& weights, int64_t label, const torch::Tensor& gradient)
    : weights_(weights), label_(label), rows_(torch::tensor(effective_rows(weights))) {
  if (gradient.numel() != weights.alphas()) {
    throw Error(
        fmt::format("reconstruction: expected a gradient of {} alphas, got {}", weights.alphas(), gradient.numel()));
  }
  if (label < 0 || label >= weights.classes) {
    throw Error(fmt::format("reconstruction: expected a label in 0..{}, got {}", weights.classes - 1, label));
  }
  observed_ = gradient.detach().flatten().to(torch::kCPU, torch::kFloat64).index_select(0, rows_);
  if (!observed_.isfinite().all().item<bool>()) throw Error("reconstruction: expected a finite gradient, got another");
}

torch::Tensor AlphaObservation::predict(const torch::Tensor& images) const {
  return AlphaGradients(weights_)(images, label_).index_select(1, rows_);
}

AlphaLinearisation AlphaObservation::linearise(const torch::Tensor& image, const torch::Tensor& directions) const {
  auto result = linearise_alpha_gradient(weights_, image, label_, directions);
  result.gradient = result.gradient.index_select(0, rows_);
  result.jacobian = result.jacobian.index_select(0, rows_);
  return result;
}

}  // namespace archleak::attacks
