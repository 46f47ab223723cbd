#pragma once
#include <torch/torch.h>

#include <algorithm>

#include "attacks/reconstruction/dag_weights.h"

namespace archleak::attacks {

/// A pass over a graph of cells for kLanes images or directions side by side, in memory of its own: the order of the
/// cells, the sums over connections and the linear operations. What happens in a cell is the derived class's.
template <typename Real>
class LanePass {
 protected:
  static constexpr int64_t kLanes = attacks::kLanes<Real>;
  static constexpr auto kType = c10::CppTypeToScalarType<Real>::value;
  /// Cells whose sums over all others are one matrix product; their features stay in the second cache.
  static constexpr int64_t kGroup = 8;

  /// `weights` must outlive the pass.
  explicit LanePass(const BasicDagWeights<Real>& weights)
      : w_(weights),
        kernels_(lane_kernels<Real>()),
        count_(weights.feature()),
        features_(zeros({weights.cells, count_ * kLanes})),
        sums_(zeros({weights.cells, count_ * kLanes})),
        adjoints_(zeros({kGroup, count_ * kLanes})),
        padded_(zeros({std::max(weights.channels, weights.image_channels) * weights.plane.padded_size(), kLanes})) {}

  static torch::Tensor zeros(torch::IntArrayRef sizes) { return torch::zeros(sizes, kType); }
  static torch::Tensor matrix(const Real* values, int64_t rows, int64_t columns) {
    return torch::from_blob(const_cast<Real*>(values), {rows, columns}, kType);
  }
  Real* feature(int64_t p) { return features_.data_ptr<Real>() + p * count_ * kLanes; }
  Real* sum(int64_t p) { return sums_.data_ptr<Real>() + p * count_ * kLanes; }
  Real* padded() { return padded_.data_ptr<Real>(); }
  torch::Tensor head() const { return matrix(w_.head.data(), w_.classes, count_); }
  torch::Tensor last_feature() { return matrix(feature(w_.cells - 1), count_, kLanes); }

  /// feature(0) from `images` `[pixels, kLanes]`.
  void stem(const Real* images) {
    kernels_.pad(w_.plane, w_.image_channels, images, nullptr, padded());
    kernels_.convolve(w_.plane, w_.stem_stencil(), padded(), feature(0));
  }

  /// Calls `cell(p)` for each cell after the stem, in order, with sum(p) taken over all features before.
  template <typename Cell>
  void forward_cells(Cell cell) {
    for (int64_t first = 1; first < w_.cells; first += kGroup) {
      const int64_t end = std::min(first + kGroup, w_.cells);
      torch::Tensor sums = sums_.slice(0, first, end);
      torch::mm_out(sums, connections().slice(0, first, end).slice(1, 0, first), features_.slice(0, 0, first));
      for (int64_t p = first; p < end; ++p) {
        for (int64_t j = first; j < p; ++j) kernels_.add(count_, w_.connections[p * w_.cells + j], feature(j), sum(p));
        cell(p);
      }
    }
  }

  /// Calls `cell(p, adjoint)` from the last cell to the first after the stem, where `adjoint` is that of feature(p),
  /// from the `sum`s of the cells after it, which `cell` has to replace by their adjoints; `head` `[feature, kLanes]`
  /// is the last one's. `group(first, end)` follows when the cells from `first` on are done.
  template <typename Cell, typename Group>
  void backward_cells(const torch::Tensor& head, Cell cell, Group group) {
    for (int64_t end = w_.cells; end > 1;) {
      const int64_t first = std::max<int64_t>(end - kGroup, 1);
      torch::Tensor adjoints = adjoints_.slice(0, 0, end - first);
      if (end == w_.cells) {
        adjoints.zero_();
        matrix(adjoint(end - 1 - first), count_, kLanes).copy_(head);
      } else {
        torch::mm_out(adjoints, connections().slice(0, end).slice(1, first, end).t(), sums_.slice(0, end));
      }
      for (int64_t p = end - 1; p >= first; --p) {
        for (int64_t q = p + 1; q < end; ++q) {
          kernels_.add(count_, w_.connections[q * w_.cells + p], sum(q), adjoint(p - first));
        }
        cell(p, adjoint(p - first));
      }
      group(first, end);
      end = first;
    }
  }

  /// Writes to `output` what the linear operations of cell `p` make of `input`, a padded feature.
  void mix_linear(int64_t p, const Real* input, Real* output) {
    kernels_.convolve(w_.plane, w_.stencil(p), input, output);
    for_border([&](int64_t from, int64_t to, Real weight) {
      kernels_.add(1, w_.cell[p].operations[nas::kAveragePool] * weight, input + from * kLanes, output + to * kLanes);
    });
  }

  /// Writes to `output` the adjoint of that for `adjoint`, a feature, which it leaves in padded().
  void mix_linear_transposed(int64_t p, const Real* adjoint, Real* output) {
    kernels_.pad(w_.plane, w_.channels, adjoint, nullptr, padded());
    kernels_.convolve(w_.plane, w_.transposed_stencil(p), padded(), output);
    for_border(
        [&](int64_t from, int64_t to, Real weight) {
          kernels_.add(1, w_.cell[p].operations[nas::kAveragePool] * weight, padded() + from * kLanes,
                       output + to * kLanes);
        },
        /*transposed=*/true);
  }

  /// Calls `use(from, to, weight)` for the pairs of places where average pooling differs at the border: `from` in a
  /// padded feature, `to` in a feature.
  template <typename Use>
  void for_border(Use use, bool transposed = false) const {
    for (const auto& term : w_.border) {
      for (int64_t c = 0; c < w_.channels; ++c) {
        const int64_t y = transposed ? term.y : term.from_y, x = transposed ? term.x : term.from_x;
        const int64_t to_y = transposed ? term.from_y : term.y, to_x = transposed ? term.from_x : term.x;
        use(c * w_.plane.padded_size() + w_.plane.padded(y, x), c * w_.plane.size() + to_y * w_.plane.width + to_x,
            term.weight);
      }
    }
  }

  const BasicDagWeights<Real>& w_;
  const LaneKernels<Real>& kernels_;
  int64_t count_;  ///< elements of a feature
  torch::Tensor features_, sums_, adjoints_, padded_;

 private:
  Real* adjoint(int64_t place) { return adjoints_.data_ptr<Real>() + place * count_ * kLanes; }
  torch::Tensor connections() const { return matrix(w_.connections.data(), w_.cells, w_.cells); }
};

}  // namespace archleak::attacks
