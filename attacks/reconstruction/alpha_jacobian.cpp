#include "attacks/reconstruction/alpha_jacobian.h"

#include <ATen/Parallel.h>
#include <spdlog/fmt/fmt.h>

#include <algorithm>

#include "attacks/reconstruction/dag_point.h"
#include "attacks/reconstruction/lane_pass.h"
#include "core/error.h"

namespace archleak::attacks {
namespace {

// The pass of one block of directions after another.
template <typename Real>
class TangentPass : LanePass<Real> {
  using Base = LanePass<Real>;
  using Base::backward_cells, Base::count_, Base::feature, Base::forward_cells, Base::head, Base::kernels_,
      Base::kLanes, Base::last_feature, Base::matrix, Base::mix_linear, Base::mix_linear_transposed, Base::padded,
      Base::stem, Base::sum, Base::w_, Base::zeros;

 public:
  TangentPass(const BasicDagWeights<Real>& weights, const DagState<Real>& point)
      : Base(weights), point_(point), product_(zeros({weights.cells, kLanes})) {}

  // Writes rows `[alphas, kLanes]` for the directions `[pixels, kLanes]`.
  void run(const Real* directions, Real* rows) {
    std::fill_n(rows, w_.alphas() * kLanes, Real{0});
    stem(directions);
    add_feature_products(0, rows);
    forward_cells([&](int64_t p) { enter(p, rows); });
    backward_cells(
        head_tangent(), [&](int64_t p, const Real* adjoint) { pull(p, adjoint, rows); }, [](int64_t, int64_t) {});
    w_.to_alpha(rows, kLanes);
  }

 private:
  // The tangents of h_p and f_p, and what they contribute to the rows.
  void enter(int64_t p, Real* rows) {
    const auto& cell = point_.cell[p];
    kernels_.pad(w_.plane, w_.channels, sum(p), cell.slope.data(), padded());
    mix_linear(p, padded(), feature(p));
    if (w_.options.max_pool) {
      kernels_.gather(count_, w_.cell[p].operations[nas::kMaxPool], cell.maximum.data(), padded(), feature(p));
    }
    kernels_.multiply(nas::kOperations, w_.padded_feature(), cell.transposed.data(), padded(),
                      rows + w_.operation_row(p) * kLanes);
    add_feature_products(p, rows);
  }

  // The part <u_p, tangent of f_j> of all connections from cell j.
  void add_feature_products(int64_t j, Real* rows) {
    const int64_t after = w_.cells - 1 - j;
    if (after == 0) return;
    Real* product = product_.data_ptr<Real>();
    std::fill_n(product, after * kLanes, Real{0});
    kernels_.multiply(after, count_, point_.sum_adjoints.data() + (j + 1) * count_, feature(j), product);
    for (int64_t p = j + 1; p < w_.cells; ++p) {
      kernels_.add(1, 1, product + (p - j - 1) * kLanes, rows + (nas::first_connection(p) + j) * kLanes);
    }
  }

  // The tangent of the head's adjoint.
  torch::Tensor head_tangent() {
    const auto logits = torch::mm(head(), last_feature());
    const auto probabilities = matrix(point_.probabilities.data(), w_.classes, 1);
    return torch::mm(head().t(), probabilities * (logits - (probabilities * logits).sum(0, /*keepdim=*/true)));
  }

  // From the tangent of v_p: the operations' rows, the tangent of u_p (in place of that of s_p), the connections' rows.
  void pull(int64_t p, const Real* adjoint, Real* rows) {
    const auto& cell = point_.cell[p];
    kernels_.multiply(nas::kOperations, count_, cell.outputs.data(), adjoint, rows + w_.operation_row(p) * kLanes);
    Real* input = feature(p);  // no longer needed
    mix_linear_transposed(p, adjoint, input);
    if (w_.options.max_pool) {
      kernels_.scatter(count_, w_.cell[p].operations[nas::kMaxPool], cell.unpadded.data(), adjoint, input);
    }
    kernels_.combine(count_, cell.slope.data(), input, cell.bend.data(), sum(p));
    kernels_.multiply(p, count_, point_.features.data(), sum(p), rows + nas::first_connection(p) * kLanes);
  }

  const DagState<Real>& point_;
  torch::Tensor product_;
};

// Columns `[alphas, directions]` float64 for `along` `[pixels, directions]`.
template <typename Real>
torch::Tensor differential(const BasicDagWeights<Real>& weights, const DagState<Real>& point,
                           const torch::Tensor& along) {
  constexpr int64_t kWidth = kLanes<Real>;
  constexpr auto kType = c10::CppTypeToScalarType<Real>::value;
  const int64_t count = along.size(1), pixels = weights.pixels();
  auto jacobian = torch::empty({weights.alphas(), count}, torch::kFloat64);
  at::parallel_for(0, (count + kWidth - 1) / kWidth, 1, [&](int64_t begin, int64_t end) {
    const torch::NoGradGuard no_grad_here;
    TangentPass<Real> pass(weights, point);
    auto block = torch::zeros({pixels, kWidth}, kType);
    auto rows = torch::empty({weights.alphas(), kWidth}, kType);
    for (int64_t b = begin; b < end; ++b) {
      const int64_t first = b * kWidth, width = std::min(kWidth, count - first);
      block.slice(1, 0, width).copy_(along.slice(1, first, first + width));
      pass.run(block.template data_ptr<Real>(), rows.template data_ptr<Real>());
      jacobian.slice(1, first, first + width).copy_(rows.slice(1, 0, width));
    }
  });
  return jacobian;
}

}  // namespace

AlphaLinearisation linearise_alpha_gradient(const DagWeights& weights, const torch::Tensor& image, int64_t label,
                                            const torch::Tensor& directions, const BasicDagWeights<float>* rough) {
  const torch::NoGradGuard no_grad;
  const int64_t pixels = weights.pixels();
  if (image.numel() != pixels) {
    throw Error(fmt::format("alpha gradient: expected an image of {} pixels, got {}", pixels, image.numel()));
  }
  const auto along =
      directions.defined() ? directions.to(torch::kFloat64).contiguous() : torch::eye(pixels, torch::kFloat64);
  const auto at = image.detach().to(torch::kFloat64).contiguous();
  const DagPoint point(weights, at.data_ptr<double>(), label);
  const auto jacobian =
      rough ? differential(*rough, DagState<float>(point), along) : differential<double>(weights, point, along);
  return {torch::tensor(point.gradient, torch::kFloat64), jacobian, point.loss};
}

}  // namespace archleak::attacks
