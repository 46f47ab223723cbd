#pragma once
#include <cstdint>
#include <span>
#include <vector>

namespace archleak {

/// Exact weighted sums of float vectors in 64-bit fixed point.
///
/// A value x counts as the integer q(x) = round(x * 2^scale_bits), and a vector with weight n adds n * q(x). Integer
/// addition is associative, so partial sums on workers give the same bits as one flat sum, in any order; the integers
/// modulo 2^64 are also the ring in which secure aggregation masks.
///
/// Overflow is an error, not a wrap: the accumulator keeps the sum over all added vectors of weight * max|q(x)|, which
/// does not depend on the order either. A vector that alone leaves the 63 bits is a DataError, whose fault is known; a
/// sum that does is an Error, since which of its vectors came last says nothing about them.
class FixedPointSum {
 public:
  /// A zero sum of `size` values; `scale_bits` is from 8 to 52.
  FixedPointSum(size_t size, int scale_bits);

  /// Adds `weight` (at least 0) times `values`. Leaves the sum as it was when it throws: DataError if a value is
  /// not finite or too large or the sizes differ, Error if the sum overflows.
  void add(std::span<const float> values, int64_t weight);

  /// Adds a partial sum of the same size and scale. Leaves this sum as it was when it throws: DataError if sizes or
  /// scales differ, Error if the sum overflows.
  void add(const FixedPointSum& other);

  /// Adds a partial sum that came as raw integers, with its total weight and its magnitude bound (see `bound`).
  /// Throws DataError if an element exceeds the bound, Error if the sum overflows.
  void add(std::span<const int64_t> sums, int64_t weight, int64_t bound);

  /// sum / (2^scale_bits * total weight), rounded once to float. Throws DataError when nothing has been added.
  std::vector<float> mean() const;

  /// The same for one element range with another divisor: sum / (2^scale_bits * weight).
  void mean(size_t first, std::span<float> out, double weight) const;

  void reset();

  size_t size() const { return sums_.size(); }
  int scale_bits() const { return scale_bits_; }
  int64_t weight() const { return weight_; }
  int64_t bound() const { return bound_; }  ///< no |element| exceeds it
  std::span<const int64_t> sums() const { return sums_; }

 private:
  int64_t checked_bound(int64_t more) const;
  int64_t checked_weight(int64_t more) const;

  std::vector<int64_t> sums_;
  int scale_bits_;
  int64_t weight_ = 0;
  int64_t bound_ = 0;
};

}  // namespace archleak
