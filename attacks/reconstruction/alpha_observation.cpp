#include "attacks/reconstruction/alpha_observation.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <cmath>
#include <limits>

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

AlphaObservation::AlphaObservation(const DagWeights& weights, std::vector<int64_t> labels,
                                   const torch::Tensor& gradient, const torch::Tensor& sign_offset)
    : weights_(weights), rough_(weights), labels_(std::move(labels)), rows_(torch::tensor(effective_rows(weights))) {
  if (labels_.empty()) throw Error("reconstruction: expected at least one label, got none");
  shares_.assign(labels_.size(), 1.0 / static_cast<double>(labels_.size()));
  for (const int64_t label : labels_) {
    if (label < 0 || label >= weights.classes) {
      throw Error(fmt::format("reconstruction: expected a label in 0..{}, got {}", weights.classes - 1, label));
    }
  }
  observed_ = rows_of(gradient, "a gradient");
  if (!observed_.isfinite().all().item<bool>()) throw Error("reconstruction: expected a finite gradient, got another");
  if (!sign_offset.defined()) return;
  seen_ = Seen::signs;
  offset_ = rows_of(sign_offset, "an offset");
  observed_ = seen(observed_);
}

torch::Tensor AlphaObservation::rows_of(const torch::Tensor& alphas, const char* what) const {
  if (alphas.numel() != weights_.alphas()) {
    throw Error(
        fmt::format("reconstruction: expected {} of {} alphas, got {}", what, weights_.alphas(), alphas.numel()));
  }
  return alphas.detach().flatten().to(torch::kCPU, torch::kFloat64).index_select(0, rows_);
}

void AlphaObservation::weigh_images(std::vector<double> shares) {
  if (shares.size() != labels_.size()) {
    throw Error(fmt::format("reconstruction: expected the shares of {} images, got {}", labels_.size(), shares.size()));
  }
  shares_ = std::move(shares);
}

void AlphaObservation::expect_noise(const torch::Tensor& deviations) {
  if (seen_ == Seen::direction) throw Error("reconstruction: expected noise before the length is forgotten");
  noise_ = rows_of(deviations, "noise");
  if (!(noise_.isfinite() & (noise_ >= 0)).all().item<bool>()) {
    throw Error("reconstruction: expected finite deviations of at least 0, got others");
  }
}

void AlphaObservation::forget_length(const torch::Tensor& offset) {
  constexpr double kLeastShare = 0.1;  // of the energy that is never taken for noise
  const double energy = observed_.square().sum().item<double>();
  if (seen_ != Seen::values || !(energy > 0)) {
    throw Error("reconstruction: expected the values of a gradient with a direction, got others");
  }
  const double noise = noise_.defined() ? noise_.square().sum().item<double>() : 0;
  const double length = std::sqrt(std::max(energy - noise, kLeastShare * energy));
  seen_ = Seen::direction;
  if (offset.defined()) offset_ = rows_of(offset, "an offset");
  observed_ = observed_ / length;
  if (noise_.defined()) noise_ = noise_ / length;
}

torch::Tensor AlphaObservation::seen(const torch::Tensor& gradients) const {
  if (seen_ == Seen::values) return gradients;
  const auto moved = offset_.defined() ? gradients + offset_ : gradients;
  if (seen_ == Seen::signs) return moved.sign();
  return moved / moved.norm(2, {-1}, /*keepdim=*/true).clamp_min(std::numeric_limits<double>::min());
}

template <typename Real>
torch::Tensor AlphaObservation::predict_in(const BasicDagWeights<Real>& weights, const torch::Tensor& images) const {
  const AlphaGradients gradients(weights);
  torch::Tensor sum;
  for (int64_t b = 0; b < batch(); ++b) {
    const auto one = gradients(images.narrow(1, b * weights_.pixels(), weights_.pixels()), labels_[b]);
    sum = b == 0 ? one * shares_[b] : sum.add_(one, shares_[b]);
  }
  return seen(sum.index_select(1, rows_));
}

torch::Tensor AlphaObservation::predict(const torch::Tensor& images, Precision precision) const {
  return precision == Precision::exact ? predict_in(weights_, images) : predict_in(rough_, images);
}

AlphaLinearisation AlphaObservation::linearise(const torch::Tensor& images, const torch::Tensor& directions,
                                               Precision precision) const {
  AlphaLinearisation total{.gradient = torch::zeros({size()}, torch::kFloat64),
                           .jacobian = torch::zeros({size(), directions.size(1)}, torch::kFloat64),
                           .loss = 0};
  for (int64_t b = 0; b < batch(); ++b) {
    const auto own = directions.narrow(0, b * weights_.pixels(), weights_.pixels());
    const auto moving = own.ne(0).any(0).nonzero().flatten();
    const auto one =
        linearise_alpha_gradient(weights_, images.narrow(0, b * weights_.pixels(), weights_.pixels()), labels_[b],
                                 own.index_select(1, moving), precision == Precision::rough ? &rough_ : nullptr);
    total.gradient.add_(one.gradient.index_select(0, rows_), shares_[b]);
    total.jacobian.index_add_(1, moving, one.jacobian.index_select(0, rows_), shares_[b]);
    total.loss += shares_[b] * one.loss;
  }
  if (seen_ == Seen::direction) {  // of v / |v|: what is along v does not turn it
    const auto moved = offset_.defined() ? total.gradient + offset_ : total.gradient;
    total.gradient = seen(total.gradient);
    total.jacobian.sub_(torch::outer(total.gradient, torch::mv(total.jacobian.t(), total.gradient)));
    total.jacobian.div_(moved.norm().clamp_min(std::numeric_limits<double>::min()));
  }
  return total;
}

double AlphaObservation::unexplained(const torch::Tensor& images) const {
  const auto size = observed_.abs();
  auto scale = size + 0.1 * size.mean();
  if (noise_.defined()) scale = (scale.square() + noise_.square()).sqrt();
  const auto residual = (predict(images.unsqueeze(0))[0] - observed_) / scale;
  const double found = residual.norm().item<double>(), nothing = (observed_ / scale).norm().item<double>();
  if (!std::isfinite(found)) return std::numeric_limits<double>::infinity();
  return nothing > 0 ? found / nothing : found;
}

}  // namespace archleak::attacks
