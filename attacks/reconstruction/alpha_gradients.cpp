#include "attacks/reconstruction/alpha_gradients.h"

#include <ATen/Parallel.h>

#include <algorithm>

#include "attacks/reconstruction/activation.h"

namespace archleak::attacks {
namespace {

constexpr int64_t kGroup = 8;  // cells whose sums over all others are one matrix product

// The pass of one block of images after another, in memory of its own.
class GradientPass {
 public:
  explicit GradientPass(const DagWeights& weights)
      : w_(weights),
        kernels_(lane_kernels()),
        count_(weights.feature()),
        size_(weights.plane.size()),
        taps_(static_cast<int64_t>(weights.shifts.size())),
        features_(zeros({weights.cells, count_ * kLanes})),
        sums_(zeros({weights.cells, count_ * kLanes})),
        adjoints_(zeros({kGroup, count_ * kLanes})),
        inputs_(zeros({weights.cells, weights.padded_feature(), kLanes})),
        choices_(zeros({weights.options.max_pool ? weights.cells : 0, count_ * kLanes})),
        padded_(zeros({std::max(weights.channels, weights.image_channels) * weights.plane.padded_size(), kLanes})),
        correlations_(zeros({weights.channels, weights.channels, taps_, kLanes})),
        products_(zeros({kGroup, weights.cells, kLanes})) {}

  // Writes rows `[alphas, kLanes]` for the images `[pixels, kLanes]`.
  void run(const double* images, int64_t label, double* rows) {
    std::fill_n(rows, w_.alphas() * kLanes, 0.0);
    forward(images);
    backward(label, rows);
    w_.to_alpha(rows, kLanes);
  }

 private:
  static torch::Tensor zeros(torch::IntArrayRef sizes) { return torch::zeros(sizes, torch::kFloat64); }
  double* at(torch::Tensor& features, int64_t p) { return features.data_ptr<double>() + p * features.stride(0); }
  torch::Tensor connections() const {
    return torch::from_blob(const_cast<double*>(w_.connections.data()), {w_.cells, w_.cells}, torch::kFloat64);
  }
  torch::Tensor head() const {
    return torch::from_blob(const_cast<double*>(w_.head.data()), {w_.classes, count_}, torch::kFloat64);
  }

  void forward(const double* images) {
    kernels_.pad(w_.plane, w_.image_channels, images, nullptr, padded_.data_ptr<double>());
    kernels_.convolve(w_.plane, w_.stem_stencil(), padded_.data_ptr<double>(), at(features_, 0));
    for (int64_t first = 1; first < w_.cells; first += kGroup) {
      const int64_t end = std::min(first + kGroup, w_.cells);
      torch::Tensor sums = sums_.slice(0, first, end);
      torch::mm_out(sums, connections().slice(0, first, end).slice(1, 0, first), features_.slice(0, 0, first));
      for (int64_t p = first; p < end; ++p) {
        double* sum = at(sums_, p);
        for (int64_t j = first; j < p; ++j) {
          kernels_.add(count_, w_.connections[p * w_.cells + j], at(features_, j), sum);
        }
        for (int64_t n = 0; n < count_ * kLanes; ++n) {
          sum[n] = activated(w_.options.activation, sum[n] + w_.cell[p].bias[n / (size_ * kLanes)]).value;
        }
        kernels_.pad(w_.plane, w_.channels, sum, nullptr, at(inputs_, p));
        mix(p);
      }
    }
  }

  void mix(int64_t p) {
    const double* input = at(inputs_, p);
    kernels_.convolve(w_.plane, w_.stencil(p), input, at(features_, p));
    for_border([&](int64_t padded_from, int64_t to, double weight) {
      kernels_.add(1, w_.cell[p].operations[nas::kAveragePool] * weight, input + padded_from * kLanes,
                   at(features_, p) + to * kLanes);
    });
    if (w_.options.max_pool) {
      kernels_.max_pool(w_.plane, w_.channels, w_.cell[p].operations[nas::kMaxPool], input, at(features_, p),
                        at(choices_, p));
    }
  }

  // Calls `use(from, to, weight)` for the pairs at the border: `from` in padded planes, `to` in features.
  template <typename Use>
  void for_border(Use use, bool transposed = false) const {
    for (const auto& term : w_.border) {
      for (int64_t c = 0; c < w_.channels; ++c) {
        const int64_t y = transposed ? term.y : term.from_y, x = transposed ? term.x : term.from_x;
        const int64_t to_y = transposed ? term.from_y : term.y, to_x = transposed ? term.from_x : term.x;
        use(c * w_.plane.padded_size() + w_.plane.padded(y, x), c * size_ + to_y * w_.plane.width + to_x, term.weight);
      }
    }
  }

  void backward(int64_t label, double* rows) {
    const int64_t last = w_.cells - 1;
    for (int64_t end = w_.cells; end > 1;) {
      const int64_t first = std::max<int64_t>(end - kGroup, 1);
      torch::Tensor adjoints = adjoints_.slice(0, 0, end - first);
      if (end == w_.cells) {
        adjoints.zero_();
        adjoints_[last - first].view({count_, kLanes}).copy_(head_adjoint(label));
      } else {
        torch::mm_out(adjoints, connections().slice(0, end).slice(1, first, end).t(), sums_.slice(0, end));
      }
      for (int64_t p = end - 1; p >= first; --p) {
        double* adjoint = at(adjoints_, p - first);
        for (int64_t q = p + 1; q < end; ++q) {
          kernels_.add(count_, w_.connections[q * w_.cells + p], at(sums_, q), adjoint);
        }
        pull(p, adjoint, rows);
      }
      products_.zero_();
      kernels_.dots(count_, end - first, at(sums_, first), end - 1, at(features_, 0), products_.data_ptr<double>());
      for (int64_t p = first; p < end; ++p) {
        const double* from = products_.data_ptr<double>() + (p - first) * (end - 1) * kLanes;
        std::copy_n(from, p * kLanes, rows + nas::first_connection(p) * kLanes);
      }
      end = first;
    }
  }

  torch::Tensor head_adjoint(int64_t label) {
    const auto bias = torch::from_blob(const_cast<double*>(w_.head_bias.data()), {w_.classes, 1}, torch::kFloat64);
    const auto logits = torch::mm(head(), features_[w_.cells - 1].view({count_, kLanes})) + bias;
    auto error = torch::softmax(logits, 0);
    error[label] -= 1;
    return torch::mm(head().t(), error);
  }

  // From v_p: the operations' rows and u_p, which replaces the activation's value.
  void pull(int64_t p, const double* adjoint, double* rows) {
    const auto& cell = w_.cell[p];
    double* operations = rows + w_.operation_row(p) * kLanes;
    const double* input = at(inputs_, p);
    double* of_input = input_adjoint_.data();
    kernels_.pad(w_.plane, w_.channels, adjoint, nullptr, padded_.data_ptr<double>());
    kernels_.convolve(w_.plane, w_.transposed_stencil(p), padded_.data_ptr<double>(), of_input);
    for_border(
        [&](int64_t padded_from, int64_t to, double weight) {
          kernels_.add(1, cell.operations[nas::kAveragePool] * weight,
                       padded_.data_ptr<double>() + padded_from * kLanes, of_input + to * kLanes);
        },
        /*transposed=*/true);
    if (w_.options.max_pool) {
      kernels_.max_pool_transposed(w_.plane, w_.channels, cell.operations[nas::kMaxPool], at(choices_, p), adjoint,
                                   input, of_input, operations + nas::kMaxPool * kLanes);
    }
    linear_operations(p, adjoint, input, operations);
    double* sum = at(sums_, p);
    for (int64_t n = 0; n < count_ * kLanes; ++n) {
      sum[n] = of_input[n] * slope_at_value(w_.options.activation, sum[n]);
    }
  }

  // <v_p, op_o(h_p)> for all linear operations, from the correlations of v_p with h_p at the stencil's taps.
  void linear_operations(int64_t p, const double* adjoint, const double* input, double* rows) {
    double* found = correlations_.data_ptr<double>();
    kernels_.correlate(w_.plane, w_.stencil(p), adjoint, input, found);
    const auto collect = [&](int64_t o, int64_t out, int64_t in, int64_t tap, double weight) {
      const double* from = found + ((out * w_.channels + in) * taps_ + tap) * kLanes;
      for (int64_t lane = 0; lane < kLanes; ++lane) rows[o * kLanes + lane] += weight * from[lane];
    };
    for (int64_t o = nas::kSeparable3; o < nas::kOperations; ++o) {
      const auto& separable = w_.cell[p].separable[o - nas::kSeparable3];
      const auto count = static_cast<int64_t>(separable.taps.size());
      for (int64_t out = 0; out < w_.channels; ++out) {
        for (int64_t in = 0; in < w_.channels; ++in) {
          const double weight = separable.pointwise[out * w_.channels + in];
          for (int64_t t = 0; t < count; ++t) {
            collect(o, out, in, separable.taps[t], weight * separable.depthwise[in * count + t]);
          }
        }
      }
    }
    const auto& neighbours = w_.cell[p].separable[0].taps;
    for (int64_t c = 0; c < w_.channels; ++c) {
      collect(nas::kSkip, c, c, taps_ / 2, 1);
      for (const int64_t tap : neighbours) collect(nas::kAveragePool, c, c, tap, 1.0 / 9);
    }
    for_border([&](int64_t padded_from, int64_t to, double weight) {
      for (int64_t lane = 0; lane < kLanes; ++lane) {
        rows[nas::kAveragePool * kLanes + lane] +=
            weight * adjoint[to * kLanes + lane] * input[padded_from * kLanes + lane];
      }
    });
  }

  const DagWeights& w_;
  const LaneKernels& kernels_;
  int64_t count_, size_, taps_;
  torch::Tensor features_, sums_, adjoints_, inputs_, choices_, padded_, correlations_, products_;
  std::vector<double> input_adjoint_ = std::vector<double>(count_ * kLanes);
};

}  // namespace

torch::Tensor AlphaGradients::operator()(const torch::Tensor& images, int64_t label) const {
  const torch::NoGradGuard no_grad;
  const int64_t pixels = weights_.pixels();
  TORCH_CHECK(images.dim() == 2 && images.size(1) == pixels, "expected images [images, ", pixels, "]");
  const int64_t count = images.size(0);
  const auto from = images.detach().to(torch::kFloat64);
  auto gradients = torch::empty({count, weights_.alphas()}, torch::kFloat64);
  at::parallel_for(0, (count + kLanes - 1) / kLanes, 1, [&](int64_t begin, int64_t end) {
    const torch::NoGradGuard no_grad_here;
    GradientPass pass(weights_);
    auto block = torch::zeros({pixels, kLanes}, torch::kFloat64);
    auto rows = torch::empty({weights_.alphas(), kLanes}, torch::kFloat64);
    for (int64_t b = begin; b < end; ++b) {
      const int64_t first = b * kLanes, width = std::min(kLanes, count - first);
      block.slice(1, 0, width).copy_(from.slice(0, first, first + width).t());
      pass.run(block.data_ptr<double>(), label, rows.data_ptr<double>());
      gradients.slice(0, first, first + width).copy_(rows.slice(1, 0, width).t());
    }
  });
  return gradients;
}

}  // namespace archleak::attacks
