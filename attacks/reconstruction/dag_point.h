#pragma once
#include <cstdint>
#include <vector>

#include "attacks/reconstruction/dag_weights.h"

namespace archleak::attacks {

/// All that the tangents of a graph's alpha gradient need to know of one image.
///
/// With the loss L = cross entropy, u_p = dL/ds_p and v_p = dL/df_p: dL/da_pj = <u_p, f_j> and
/// dL/dw_po = <v_p, op_o(h_p)>. Features are `[channels, positions]`.
struct DagPoint {
  /// Passes forward and backward at `image` `[image_channels, positions]`.
  DagPoint(const DagWeights& weights, const double* image, int64_t label);

  struct Cell {
    std::vector<double> slope;       ///< of the activation, `[feature]`
    std::vector<double> bend;        ///< its curvature times dL/dh, `[feature]`
    std::vector<int64_t> maximum;    ///< where max pooling takes its value, in padded planes; empty without it
    std::vector<int64_t> unpadded;   ///< the same in features
    std::vector<double> outputs;     ///< op_o(h), `[8, feature]`
    std::vector<double> transposed;  ///< op_o transposed of v, `[8, padded_feature]`
  };
  std::vector<double> features;       ///< f_p, `[cells, feature]`
  std::vector<double> sum_adjoints;   ///< u_p, `[cells, feature]`; zero for p = 0
  std::vector<Cell> cell;             ///< `[cells]`; the first is empty
  std::vector<double> probabilities;  ///< of the classes
  std::vector<double> gradient;       ///< with respect to alpha, `[alphas]`
  double loss;
};

}  // namespace archleak::attacks
