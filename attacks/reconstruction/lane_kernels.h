#pragma once
#include <cstdint>

namespace archleak::attacks {

/// How many directions or images go through the network together, 64 bytes of them. They are innermost in memory:
/// every value of a feature is kLanes<Real> numbers, one for each.
template <typename Real>
inline constexpr int64_t kLanes = 64 / static_cast<int64_t>(sizeof(Real));

/// The zero border around a padded plane; the dilated 5x5 convolution needs 4.
inline constexpr int64_t kBorder = 4;

/// Positions of one channel, without and with its border.
struct Plane {
  int64_t height, width;

  int64_t size() const { return height * width; }
  int64_t padded_width() const { return width + 2 * kBorder; }
  int64_t padded_size() const { return (height + 2 * kBorder) * padded_width(); }
  /// The place of a position in a padded plane.
  int64_t padded(int64_t y, int64_t x) const { return (y + kBorder) * padded_width() + x + kBorder; }
};

/// A sum of shifted inputs: out[o](q) = sum over i and t of coefficients[o][i][t] in[i](q + shift[t]).
template <typename Real>
struct Stencil {
  int64_t inputs, outputs, taps;
  const int64_t* shifts;     ///< `[taps]`, in positions of a padded plane
  const Real* coefficients;  ///< `[outputs, inputs, taps]`
};

/// The inner loops of the passes over a graph of cells, for one instruction set, in float or double.
///
/// "Feature" is `[channels, plane.size(), kLanes<Real>]`, "padded feature" `[channels, plane.padded_size(),
/// kLanes<Real>]` with a zero border. Nothing is allocated and nothing throws.
template <typename Real>
struct LaneKernels {
  /// Writes the feature that `stencil` makes of a padded one.
  void (*convolve)(const Plane& plane, const Stencil<Real>& stencil, const Real* padded, Real* out);

  /// correlations[o][i][t] = sum over q of left[o](q) right[i](q + shift[t]), `[outputs, inputs, taps, kLanes<Real>]`;
  /// `left` is a feature and `right` a padded one. The stencil's coefficients are not read.
  void (*correlate)(const Plane& plane, const Stencil<Real>& stencil, const Real* left, const Real* right,
                    Real* correlations);

  /// padded = factor(position) * feature; a null `factor` is one.
  void (*pad)(const Plane& plane, int64_t channels, const Real* feature, const Real* factor, Real* padded);

  /// y += a x over `count` positions.
  void (*add)(int64_t count, Real a, const Real* x, Real* y);

  /// y = a(position) x + b(position) y over `count` positions.
  void (*combine)(int64_t count, const Real* a, const Real* x, const Real* b, Real* y);

  /// out(q) += weight padded(source(q)): one choice of positions for all lanes, `sources` in padded planes of all
  /// channels.
  void (*gather)(int64_t count, Real weight, const int64_t* sources, const Real* padded, Real* out);

  /// out(target(q)) += weight in(q); targets may repeat.
  void (*scatter)(int64_t count, Real weight, const int64_t* targets, const Real* in, Real* out);

  /// out += weight max over the 3x3 neighbours within the plane, and which of the nine it was, the first if several.
  void (*max_pool)(const Plane& plane, int64_t channels, Real weight, const Real* padded, Real* out, Real* choice);

  /// The transpose: adds weight in(q) to the neighbour chosen at q; and returns in `products` `[kLanes<Real>]` the sum
  /// of in(q) times that neighbour of `padded`.
  void (*max_pool_transposed)(const Plane& plane, int64_t channels, Real weight, const Real* choice, const Real* in,
                              const Real* padded, Real* out, Real* products);

  /// out[i] += sum over positions of matrix[i] feature, for all lanes: `[rows, count]` by `[count, kLanes<Real>]`;
  /// nothing is packed, as a BLAS would for a product this narrow.
  void (*multiply)(int64_t rows, int64_t count, const Real* matrix, const Real* feature, Real* out);

  /// products[i][j] += sum over positions of left_i right_j, `[lefts, rights, kLanes<Real>]`; the features of one side
  /// follow one another in memory.
  void (*dots)(int64_t count, int64_t lefts, const Real* left, int64_t rights, const Real* right, Real* products);
};

/// The kernels for this machine's widest instruction set, of float or double.
template <typename Real>
const LaneKernels<Real>& lane_kernels();

}  // namespace archleak::attacks
