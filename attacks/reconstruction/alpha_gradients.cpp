#include "attacks/reconstruction/alpha_gradients.h"

#include <ATen/Parallel.h>
#include <spdlog/fmt/fmt.h>

#include <algorithm>

#include "attacks/reconstruction/activation.h"
#include "attacks/reconstruction/lane_pass.h"
#include "core/error.h"

namespace archleak::attacks {
namespace {

// The pass of one block of images after another.
template <typename Real>
class GradientPass : LanePass<Real> {
  using Base = LanePass<Real>;
  using Base::count_, Base::feature, Base::forward_cells, Base::for_border, Base::head, Base::kernels_, Base::kGroup,
      Base::kLanes, Base::last_feature, Base::matrix, Base::mix_linear, Base::mix_linear_transposed, Base::stem,
      Base::sum, Base::w_, Base::zeros, Base::backward_cells;

 public:
  explicit GradientPass(const BasicDagWeights<Real>& weights)
      : Base(weights),
        taps_(static_cast<int64_t>(weights.shifts.size())),
        inputs_(zeros({weights.cells, weights.padded_feature(), kLanes})),
        choices_(zeros({weights.options.max_pool ? weights.cells : 0, count_ * kLanes})),
        correlations_(zeros({weights.channels, weights.channels, taps_, kLanes})),
        products_(zeros({kGroup, weights.cells, kLanes})),
        input_adjoint_(zeros({count_, kLanes})) {}

  // Writes rows `[alphas, kLanes]` for the images `[pixels, kLanes]`.
  void run(const Real* images, int64_t label, Real* rows) {
    std::fill_n(rows, w_.alphas() * kLanes, Real{0});
    stem(images);
    forward_cells([&](int64_t p) { enter(p); });
    backward_cells(
        head_adjoint(label), [&](int64_t p, const Real* adjoint) { pull(p, adjoint, rows); },
        [&](int64_t first, int64_t end) { connect(first, end, rows); });
    w_.to_alpha(rows, kLanes);
  }

 private:
  Real* input(int64_t p) { return inputs_.data_ptr<Real>() + p * inputs_.stride(0); }
  Real* choices(int64_t p) { return choices_.data_ptr<Real>() + p * choices_.stride(0); }

  // h_p in place of s_p, then f_p.
  void enter(int64_t p) {
    Real* value = sum(p);
    for (int64_t n = 0; n < count_ * kLanes; ++n) {
      value[n] = activated(w_.options.activation, value[n] + w_.cell[p].bias[n / (w_.plane.size() * kLanes)]).value;
    }
    kernels_.pad(w_.plane, w_.channels, value, nullptr, input(p));
    mix_linear(p, input(p), feature(p));
    if (w_.options.max_pool) {
      kernels_.max_pool(w_.plane, w_.channels, w_.cell[p].operations[nas::kMaxPool], input(p), feature(p), choices(p));
    }
  }

  // The rows of the connections to the cells from `first` to `end`: <u_p, f_j>.
  void connect(int64_t first, int64_t end, Real* rows) {
    products_.zero_();
    kernels_.dots(count_, end - first, sum(first), end - 1, feature(0), products_.data_ptr<Real>());
    for (int64_t p = first; p < end; ++p) {
      const Real* from = products_.data_ptr<Real>() + (p - first) * (end - 1) * kLanes;
      std::copy_n(from, p * kLanes, rows + nas::first_connection(p) * kLanes);
    }
  }

  torch::Tensor head_adjoint(int64_t label) {
    auto error = torch::softmax(torch::mm(head(), last_feature()) + matrix(w_.head_bias.data(), w_.classes, 1), 0);
    error[label] -= 1;
    return torch::mm(head().t(), error);
  }

  // From v_p: the operations' rows and u_p, which replaces the activation's value.
  void pull(int64_t p, const Real* adjoint, Real* rows) {
    Real* operations = rows + w_.operation_row(p) * kLanes;
    Real* of_input = input_adjoint_.data_ptr<Real>();
    mix_linear_transposed(p, adjoint, of_input);
    if (w_.options.max_pool) {
      kernels_.max_pool_transposed(w_.plane, w_.channels, w_.cell[p].operations[nas::kMaxPool], choices(p), adjoint,
                                   input(p), of_input, operations + nas::kMaxPool * kLanes);
    }
    linear_operations(p, adjoint, input(p), operations);
    Real* value = sum(p);
    for (int64_t n = 0; n < count_ * kLanes; ++n) {
      value[n] = of_input[n] * slope_at_value(w_.options.activation, value[n]);
    }
  }

  // <v_p, op_o(h_p)> for all linear operations, from the correlations of v_p with h_p at the stencil's taps.
  void linear_operations(int64_t p, const Real* adjoint, const Real* input, Real* rows) {
    Real* found = correlations_.data_ptr<Real>();
    kernels_.correlate(w_.plane, w_.stencil(p), adjoint, input, found);
    const auto collect = [&](int64_t o, int64_t out, int64_t in, int64_t tap, Real weight) {
      const Real* from = found + ((out * w_.channels + in) * taps_ + tap) * kLanes;
      for (int64_t lane = 0; lane < kLanes; ++lane) rows[o * kLanes + lane] += weight * from[lane];
    };
    for (int64_t o = nas::kSeparable3; o < nas::kOperations; ++o) {
      const auto& separable = w_.cell[p].separable[o - nas::kSeparable3];
      const auto count = static_cast<int64_t>(separable.taps.size());
      for (int64_t out = 0; out < w_.channels; ++out) {
        for (int64_t in = 0; in < w_.channels; ++in) {
          const Real weight = separable.pointwise[out * w_.channels + in];
          for (int64_t t = 0; t < count; ++t) {
            collect(o, out, in, separable.taps[t], weight * separable.depthwise[in * count + t]);
          }
        }
      }
    }
    const auto& neighbours = w_.cell[p].separable[0].taps;
    for (int64_t c = 0; c < w_.channels; ++c) {
      collect(nas::kSkip, c, c, taps_ / 2, 1);
      for (const int64_t tap : neighbours) collect(nas::kAveragePool, c, c, tap, Real{1} / 9);
    }
    for_border([&](int64_t padded_from, int64_t to, Real weight) {
      for (int64_t lane = 0; lane < kLanes; ++lane) {
        rows[nas::kAveragePool * kLanes + lane] +=
            weight * adjoint[to * kLanes + lane] * input[padded_from * kLanes + lane];
      }
    });
  }

  int64_t taps_;
  torch::Tensor inputs_, choices_, correlations_, products_, input_adjoint_;
};

}  // namespace

template <typename Real>
torch::Tensor AlphaGradients<Real>::operator()(const torch::Tensor& images, int64_t label) const {
  constexpr int64_t kWidth = kLanes<Real>;
  constexpr auto kType = c10::CppTypeToScalarType<Real>::value;
  const torch::NoGradGuard no_grad;
  const int64_t pixels = weights_.pixels();
  if (images.dim() != 2 || images.size(1) != pixels) {
    throw Error(fmt::format("alpha gradients: expected images [images, {}], got {} dimensions of {} values", pixels,
                            images.dim(), images.numel()));
  }
  const int64_t count = images.size(0);
  const auto from = images.detach().to(kType);
  auto gradients = torch::empty({count, weights_.alphas()}, torch::kFloat64);
  at::parallel_for(0, (count + kWidth - 1) / kWidth, 1, [&](int64_t begin, int64_t end) {
    const torch::NoGradGuard no_grad_here;
    GradientPass<Real> pass(weights_);
    auto block = torch::zeros({pixels, kWidth}, kType);
    auto rows = torch::empty({weights_.alphas(), kWidth}, kType);
    for (int64_t b = begin; b < end; ++b) {
      const int64_t first = b * kWidth, width = std::min(kWidth, count - first);
      block.slice(1, 0, width).copy_(from.slice(0, first, first + width).t());
      pass.run(block.template data_ptr<Real>(), label, rows.template data_ptr<Real>());
      gradients.slice(0, first, first + width).copy_(rows.slice(1, 0, width).t());
    }
  });
  return gradients;
}

template class AlphaGradients<double>;
template class AlphaGradients<float>;

}  // namespace archleak::attacks
