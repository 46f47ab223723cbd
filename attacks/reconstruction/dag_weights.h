#pragma once
#include <cstdint>
#include <vector>

#include "attacks/reconstruction/lane_kernels.h"
#include "nas/dag_network.h"

namespace archleak::attacks {

/// A graph of cells as plain memory, float or double: what nas::DagNetwork computes, with alpha already mapped to
/// mixture weights.
///
/// All operations but max pooling are linear and commute with shifts (average pooling up to the image's border), so
/// each cell's are one dense stencil over the union of their taps.
template <typename Real>
class BasicDagWeights {
 public:
  /// Copies the parameters of `network` as they are now.
  explicit BasicDagWeights(const nas::DagNetwork& network);

  /// The same in this precision.
  template <typename Other>
  explicit BasicDagWeights(const BasicDagWeights<Other>& other);

  /// One depthwise convolution's taps followed by a channel mixture.
  struct Separable {
    std::vector<int64_t> taps;    ///< which of `shifts` each tap of the depthwise kernel is
    std::vector<Real> depthwise;  ///< `[channels, taps]`
    std::vector<Real> pointwise;  ///< `[channels, channels]`, out by in
  };
  struct Cell {
    std::vector<Real> bias;        ///< `[channels]`
    std::vector<Real> operations;  ///< `[8]`, weights of the mixture
    std::vector<Separable> separable;
    std::vector<Real> dense;       ///< `[channels, channels, taps]`: all linear operations but "none"
    std::vector<Real> transposed;  ///< its transpose, over the same taps
  };
  /// A pair of positions of one plane where average pooling differs from the ninth of its sum.
  struct BorderTerm {
    int64_t y, x, from_y, from_x;
    Real weight;
  };

  nas::DagOptions options;
  int64_t cells, channels, image_channels, classes;
  Plane plane;
  std::vector<int64_t> shifts;  ///< of a cell's taps, in a padded plane; symmetric about zero
  std::vector<int64_t> stem_shifts;
  std::vector<Real> stem;         ///< `[channels, image_channels, 9]`
  std::vector<Real> connections;  ///< a_pj at `cells * p + j`, zero for j >= p
  std::vector<Cell> cell;         ///< `[cells]`; the first is the stem's and empty
  std::vector<Real> head;         ///< `[classes, feature]`, a mean over positions written out
  std::vector<Real> head_bias;
  std::vector<BorderTerm> border;

  int64_t feature() const { return channels * plane.size(); }
  int64_t padded_feature() const { return channels * plane.padded_size(); }
  int64_t pixels() const { return image_channels * plane.size(); }
  int64_t alphas() const { return nas::first_connection(cells) + (cells - 1) * nas::kOperations; }
  /// The row of an operation's weight among the alphas; connections come first.
  int64_t operation_row(int64_t p) const { return nas::first_connection(cells) + (p - 1) * nas::kOperations; }

  Stencil<Real> stencil(int64_t p) const;
  Stencil<Real> transposed_stencil(int64_t p) const;
  Stencil<Real> stem_stencil() const;

  /// Applies the chain rule of the alpha mapping, in place, to derivatives with respect to the mixture weights: `rows`
  /// is `[alphas(), columns]`.
  void to_alpha(Real* rows, int64_t columns) const;
};

using DagWeights = BasicDagWeights<double>;

}  // namespace archleak::attacks
