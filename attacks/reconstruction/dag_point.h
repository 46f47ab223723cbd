#pragma once
#include <cstdint>
#include <vector>

#include "attacks/reconstruction/dag_weights.h"

namespace archleak::attacks {

/// All that the tangents of a graph's alpha gradient need to know of one image.
///
/// With the loss L = cross entropy, u_p = dL/ds_p and v_p = dL/df_p: dL/da_pj = <u_p, f_j> and
/// dL/dw_po = <v_p, op_o(h_p)>. Features are `[channels, positions]`.
template <typename Real>
struct DagState {
  struct Cell {
    std::vector<Real> slope;        ///< of the activation, `[feature]`
    std::vector<Real> bend;         ///< its curvature times dL/dh, `[feature]`
    std::vector<int64_t> maximum;   ///< where max pooling takes its value, in padded planes; empty without it
    std::vector<int64_t> unpadded;  ///< the same in features
    std::vector<Real> outputs;      ///< op_o(h), `[8, feature]`
    std::vector<Real> transposed;   ///< op_o transposed of v, `[8, padded_feature]`
  };
  std::vector<Real> features;       ///< f_p, `[cells, feature]`
  std::vector<Real> sum_adjoints;   ///< u_p, `[cells, feature]`; zero for p = 0
  std::vector<Cell> cell;           ///< `[cells]`; the first is empty
  std::vector<Real> probabilities;  ///< of the classes

  DagState() = default;

  /// The same in this precision.
  template <typename Other>
  explicit DagState(const DagState<Other>& other)
      : features(other.features.begin(), other.features.end()),
        sum_adjoints(other.sum_adjoints.begin(), other.sum_adjoints.end()),
        probabilities(other.probabilities.begin(), other.probabilities.end()) {
    const auto copy = [](const std::vector<Other>& values) { return std::vector<Real>(values.begin(), values.end()); };
    for (const auto& from : other.cell) {
      cell.push_back(
          {copy(from.slope), copy(from.bend), from.maximum, from.unpadded, copy(from.outputs), copy(from.transposed)});
    }
  }
};

/// The state at one image, with the loss and its gradient.
struct DagPoint : DagState<double> {
  /// Passes forward and backward at `image` `[image_channels, positions]`.
  DagPoint(const DagWeights& weights, const double* image, int64_t label);

  std::vector<double> gradient;  ///< with respect to alpha, `[alphas]`
  double loss;
};

}  // namespace archleak::attacks
