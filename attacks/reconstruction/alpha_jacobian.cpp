#include "attacks/reconstruction/alpha_jacobian.h"

#include <ATen/Parallel.h>

#include <algorithm>

namespace archleak::attacks {
namespace {

// Cells whose sums over all cells before are one matrix product; their features stay in the second cache.
constexpr int64_t kGroup = 8;

torch::Tensor matrix(const double* values, int64_t rows, int64_t columns) {
  return torch::from_blob(const_cast<double*>(values), {rows, columns}, torch::kFloat64);
}

// The pass of one block of directions after another, in memory of its own.
class TangentPass {
 public:
  TangentPass(const DagWeights& weights, const DagPoint& point)
      : w_(weights),
        point_(point),
        kernels_(lane_kernels()),
        count_(weights.feature()),
        features_(torch::empty({weights.cells, count_ * kLanes}, torch::kFloat64)),
        sums_(torch::empty_like(features_)),
        adjoints_(torch::empty({kGroup, count_ * kLanes}, torch::kFloat64)),
        padded_(torch::zeros({std::max(weights.channels, weights.image_channels) * weights.plane.padded_size(), kLanes},
                             torch::kFloat64)),
        product_(torch::empty({weights.cells, kLanes}, torch::kFloat64)) {}

  // Writes rows `[alphas, kLanes]` for the directions `[pixels, kLanes]`.
  void run(const double* directions, double* rows) {
    std::fill_n(rows, w_.alphas() * kLanes, 0.0);
    forward(directions, rows);
    backward(rows);
    w_.to_alpha(rows, kLanes);
  }

 private:
  double* feature(int64_t p) { return features_.data_ptr<double>() + p * count_ * kLanes; }
  double* sum(int64_t p) { return sums_.data_ptr<double>() + p * count_ * kLanes; }
  double* padded() { return padded_.data_ptr<double>(); }
  torch::Tensor lanes(double* feature) const { return matrix(feature, count_, kLanes); }
  torch::Tensor connections() const { return matrix(w_.connections.data(), w_.cells, w_.cells); }

  void forward(const double* directions, double* rows) {
    kernels_.pad(w_.plane, w_.image_channels, directions, nullptr, padded());
    kernels_.convolve(w_.plane, w_.stem_stencil(), padded(), feature(0));
    add_feature_products(0, rows);
    for (int64_t first = 1; first < w_.cells; first += kGroup) {
      const int64_t end = std::min(first + kGroup, w_.cells);
      torch::Tensor sums = sums_.slice(0, first, end);
      torch::mm_out(sums, connections().slice(0, first, end).slice(1, 0, first), features_.slice(0, 0, first));
      for (int64_t p = first; p < end; ++p) {
        for (int64_t j = first; j < p; ++j) kernels_.add(count_, w_.connections[p * w_.cells + j], feature(j), sum(p));
        const auto& cell = point_.cell[p];
        kernels_.pad(w_.plane, w_.channels, sum(p), cell.slope.data(), padded());
        mix(p);
        kernels_.multiply(nas::kOperations, w_.padded_feature(), cell.transposed.data(), padded(),
                          rows + w_.operation_row(p) * kLanes);
        add_feature_products(p, rows);
      }
    }
  }

  // The tangent of f_p from that of h_p.
  void mix(int64_t p) {
    const auto& weights = w_.cell[p];
    kernels_.convolve(w_.plane, w_.stencil(p), padded(), feature(p));
    for (const auto& term : w_.border) {
      for (int64_t c = 0; c < w_.channels; ++c) {
        const int64_t from = c * w_.plane.padded_size() + w_.plane.padded(term.from_y, term.from_x);
        const int64_t to = c * w_.plane.size() + term.y * w_.plane.width + term.x;
        kernels_.add(1, weights.operations[nas::kAveragePool] * term.weight, padded() + from * kLanes,
                     feature(p) + to * kLanes);
      }
    }
    if (w_.options.max_pool) {
      kernels_.gather(count_, weights.operations[nas::kMaxPool], point_.cell[p].maximum.data(), padded(), feature(p));
    }
  }

  // The part <u_p, tangent of f_j> of all connections from cell j.
  void add_feature_products(int64_t j, double* rows) {
    const int64_t after = w_.cells - 1 - j;
    if (after == 0) return;
    double* product = product_.data_ptr<double>();
    std::fill_n(product, after * kLanes, 0.0);
    kernels_.multiply(after, count_, point_.sum_adjoints.data() + (j + 1) * count_, feature(j), product);
    for (int64_t p = j + 1; p < w_.cells; ++p) {
      kernels_.add(1, 1, product + (p - j - 1) * kLanes, rows + (nas::first_connection(p) + j) * kLanes);
    }
  }

  void backward(double* rows) {
    const int64_t last = w_.cells - 1;
    for (int64_t end = w_.cells; end > 1;) {
      const int64_t first = std::max<int64_t>(end - kGroup, 1);
      torch::Tensor adjoints = adjoints_.slice(0, 0, end - first);
      if (end == w_.cells) {
        adjoints.zero_();
        lanes(adjoints_.data_ptr<double>() + (last - first) * count_ * kLanes).copy_(head_tangent());
      } else {
        torch::mm_out(adjoints, connections().slice(0, end).slice(1, first, end).t(), sums_.slice(0, end));
      }
      for (int64_t p = end - 1; p >= first; --p) {
        double* adjoint = adjoints_.data_ptr<double>() + (p - first) * count_ * kLanes;
        for (int64_t q = p + 1; q < end; ++q) {
          kernels_.add(count_, w_.connections[q * w_.cells + p], sum(q), adjoint);
        }
        pull(p, adjoint, rows);
      }
      end = first;
    }
  }

  // The tangent of the head's adjoint.
  torch::Tensor head_tangent() {
    const auto head = matrix(w_.head.data(), w_.classes, count_);
    const auto logits = torch::mm(head, lanes(feature(w_.cells - 1)));
    const auto probabilities = matrix(point_.probabilities.data(), w_.classes, 1);
    return torch::mm(head.t(), probabilities * (logits - (probabilities * logits).sum(0, /*keepdim=*/true)));
  }

  // From the tangent of v_p: the operations' rows, the tangent of u_p (in place of that of s_p), the connections' rows.
  void pull(int64_t p, double* adjoint, double* rows) {
    const auto& cell = point_.cell[p];
    kernels_.multiply(nas::kOperations, count_, cell.outputs.data(), adjoint, rows + w_.operation_row(p) * kLanes);

    double* input = feature(p);  // no longer needed
    kernels_.pad(w_.plane, w_.channels, adjoint, nullptr, padded());
    kernels_.convolve(w_.plane, w_.transposed_stencil(p), padded(), input);
    for (const auto& term : w_.border) {
      for (int64_t c = 0; c < w_.channels; ++c) {
        const int64_t from = c * w_.plane.padded_size() + w_.plane.padded(term.y, term.x);
        const int64_t to = c * w_.plane.size() + term.from_y * w_.plane.width + term.from_x;
        kernels_.add(1, w_.cell[p].operations[nas::kAveragePool] * term.weight, padded() + from * kLanes,
                     input + to * kLanes);
      }
    }
    if (w_.options.max_pool) {
      kernels_.scatter(count_, w_.cell[p].operations[nas::kMaxPool], cell.unpadded.data(), adjoint, input);
    }
    kernels_.combine(count_, cell.slope.data(), input, cell.bend.data(), sum(p));
    kernels_.multiply(p, count_, point_.features.data(), sum(p), rows + nas::first_connection(p) * kLanes);
  }

  const DagWeights& w_;
  const DagPoint& point_;
  const LaneKernels& kernels_;
  int64_t count_;
  torch::Tensor features_, sums_, adjoints_, padded_, product_;
};

}  // namespace

AlphaLinearisation linearise_alpha_gradient(const DagWeights& weights, const torch::Tensor& image, int64_t label,
                                            const torch::Tensor& directions) {
  const torch::NoGradGuard no_grad;
  const int64_t pixels = weights.pixels();
  TORCH_CHECK(image.numel() == pixels, "expected an image of ", pixels, " pixels, got ", image.numel());
  const auto along =
      directions.defined() ? directions.to(torch::kFloat64).contiguous() : torch::eye(pixels, torch::kFloat64);
  const auto at = image.detach().to(torch::kFloat64).contiguous();
  const DagPoint point(weights, at.data_ptr<double>(), label);
  const int64_t count = along.size(1);
  auto jacobian = torch::empty({weights.alphas(), count}, torch::kFloat64);
  at::parallel_for(0, (count + kLanes - 1) / kLanes, 1, [&](int64_t begin, int64_t end) {
    const torch::NoGradGuard no_grad_here;
    TangentPass pass(weights, point);
    auto block = torch::zeros({pixels, kLanes}, torch::kFloat64);
    auto rows = torch::empty({weights.alphas(), kLanes}, torch::kFloat64);
    for (int64_t b = begin; b < end; ++b) {
      const int64_t first = b * kLanes, width = std::min(kLanes, count - first);
      block.slice(1, 0, width).copy_(along.slice(1, first, first + width));
      pass.run(block.data_ptr<double>(), rows.data_ptr<double>());
      jacobian.slice(1, first, first + width).copy_(rows.slice(1, 0, width));
    }
  });
  return {torch::tensor(point.gradient, torch::kFloat64), jacobian, point.loss};
}

}  // namespace archleak::attacks
