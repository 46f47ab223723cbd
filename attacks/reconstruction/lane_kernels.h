#pragma once
#include <cstdint>

namespace archleak::attacks {

/// How many directions or images go through the network together. They are innermost in memory: every value of a
/// feature is kLanes doubles, one for each.
inline constexpr int64_t kLanes = 8;

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
struct Stencil {
  int64_t inputs, outputs, taps;
  const int64_t* shifts;       ///< `[taps]`, in positions of a padded plane
  const double* coefficients;  ///< `[outputs, inputs, taps]`
};

/// The inner loops of the passes over a graph of cells, for one instruction set.
///
/// "Feature" is `[channels, plane.size(), kLanes]`, "padded feature" `[channels, plane.padded_size(), kLanes]` with a
/// zero border. Nothing is allocated and nothing throws.
struct LaneKernels {
  /// Writes the feature that `stencil` makes of a padded one.
  void (*convolve)(const Plane& plane, const Stencil& stencil, const double* padded, double* out);

  /// correlations[o][i][t] = sum over q of left[o](q) right[i](q + shift[t]), `[outputs, inputs, taps, kLanes]`; `left`
  /// is a feature and `right` a padded one. The stencil's coefficients are not read.
  void (*correlate)(const Plane& plane, const Stencil& stencil, const double* left, const double* right,
                    double* correlations);

  /// padded = factor(position) * feature; a null `factor` is one.
  void (*pad)(const Plane& plane, int64_t channels, const double* feature, const double* factor, double* padded);

  /// y += a x over `count` positions.
  void (*add)(int64_t count, double a, const double* x, double* y);

  /// y = a(position) x + b(position) y over `count` positions.
  void (*combine)(int64_t count, const double* a, const double* x, const double* b, double* y);

  /// out(q) += weight padded(source(q)): one choice of positions for all lanes, `sources` in padded planes of all
  /// channels.
  void (*gather)(int64_t count, double weight, const int64_t* sources, const double* padded, double* out);

  /// out(target(q)) += weight in(q); targets may repeat.
  void (*scatter)(int64_t count, double weight, const int64_t* targets, const double* in, double* out);

  /// out += weight max over the 3x3 neighbours within the plane, and which of the nine it was, the first if several.
  void (*max_pool)(const Plane& plane, int64_t channels, double weight, const double* padded, double* out,
                   double* choice);

  /// The transpose: adds weight in(q) to the neighbour chosen at q; and returns in `products` `[kLanes]` the sum of
  /// in(q) times that neighbour of `padded`.
  void (*max_pool_transposed)(const Plane& plane, int64_t channels, double weight, const double* choice,
                              const double* in, const double* padded, double* out, double* products);

  /// out[i] += sum over positions of matrix[i] feature, for all lanes: `[rows, count]` by `[count, kLanes]`; nothing is
  /// packed, as a BLAS would for a product this narrow.
  void (*multiply)(int64_t rows, int64_t count, const double* matrix, const double* feature, double* out);

  /// products[i][j] += sum over positions of left_i right_j, `[lefts, rights, kLanes]`; the features of one side follow
  /// one another in memory.
  void (*dots)(int64_t count, int64_t lefts, const double* left, int64_t rights, const double* right, double* products);
};

/// The kernels for this machine's widest instruction set.
const LaneKernels& lane_kernels();

}  // namespace archleak::attacks
