#include "core/fixed_point.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <bit>
#include <cmath>

#include "core/error.h"

namespace archleak {
namespace {

constexpr double kLargestExact = 0x1.0p62;

void expect_size(size_t expected, size_t got) {
  if (expected != got) throw DataError(fmt::format("fixed-point sum: expected {} values, got {}", expected, got));
}

}  // namespace

FixedPointSum::FixedPointSum(size_t size, int scale_bits) : sums_(size, 0), scale_bits_(scale_bits) {
  if (scale_bits < 8 || scale_bits > 52) {
    throw ConfigError(fmt::format("fixed-point scale: expected 8 to 52 bits, got {}", scale_bits));
  }
}

int64_t FixedPointSum::checked_bound(int64_t more) const {
  const std::string message = fmt::format(
      "overflow at scale 2^{}; expected weighted values below 2^{}, got more (lower the scale or normalise the "
      "updates)",
      scale_bits_, 63 - scale_bits_);
  if (more < 0) throw DataError("fixed-point sum: " + message);
  int64_t total = 0;
  if (__builtin_add_overflow(bound_, more, &total)) throw Error("fixed-point sum of all updates: " + message);
  return total;
}

int64_t FixedPointSum::checked_weight(int64_t more) const {
  int64_t total = 0;
  if (more < 0) throw DataError(fmt::format("fixed-point sum: expected a weight of at least 0, got {}", more));
  if (__builtin_add_overflow(weight_, more, &total)) {
    throw DataError(
        fmt::format("fixed-point sum: expected weights that add up in 64 bits, got {} + {}", weight_, more));
  }
  return total;
}

void FixedPointSum::add(std::span<const float> values, int64_t weight) {
  expect_size(size(), values.size());
  const int64_t weights = checked_weight(weight);
  // The bits of |x| order as integers, and infinities and NaNs order above all finite values.
  uint32_t largest_bits = 0;
  for (const float value : values) largest_bits = std::max(largest_bits, std::bit_cast<uint32_t>(value) & 0x7fffffffu);
  if (largest_bits >= 0x7f800000u) throw DataError("fixed-point sum: expected finite values, got infinity or NaN");
  const auto scale = std::ldexp(1.0, scale_bits_);
  const double largest = std::bit_cast<float>(largest_bits) * scale;
  int64_t more = -1;
  if (largest < kLargestExact && __builtin_mul_overflow(static_cast<int64_t>(std::ceil(largest)), weight, &more)) {
    more = -1;
  }
  bound_ = checked_bound(more);
  weight_ = weights;
  int64_t* const sums = sums_.data();
  for (size_t i = 0; i < values.size(); ++i) {
    sums[i] += weight * static_cast<int64_t>(std::nearbyint(static_cast<double>(values[i]) * scale));
  }
}

void FixedPointSum::add(const FixedPointSum& other) {
  if (other.scale_bits_ != scale_bits_) {
    throw DataError(fmt::format("fixed-point sum: expected scale 2^{}, got 2^{}", scale_bits_, other.scale_bits_));
  }
  add(other.sums(), other.weight_, other.bound_);
}

void FixedPointSum::add(std::span<const int64_t> sums, int64_t weight, int64_t bound) {
  expect_size(size(), sums.size());
  const int64_t total = checked_bound(bound);
  const int64_t weights = checked_weight(weight);
  for (const int64_t sum : sums) {
    if (sum > bound || sum < -bound) {
      throw DataError(fmt::format("fixed-point sum: expected elements within {}, got {}", bound, sum));
    }
  }
  bound_ = total;
  weight_ = weights;
  for (size_t i = 0; i < sums.size(); ++i) sums_[i] += sums[i];
}

std::vector<float> FixedPointSum::mean() const {
  std::vector<float> out(size());
  mean(0, out, static_cast<double>(weight_));
  return out;
}

void FixedPointSum::mean(size_t first, std::span<float> out, double weight) const {
  if (!(weight > 0)) throw DataError("fixed-point sum: expected a positive total weight, got none");
  const double divisor = std::ldexp(weight, scale_bits_);
  for (size_t i = 0; i < out.size(); ++i) out[i] = static_cast<float>(static_cast<double>(sums_[first + i]) / divisor);
}

void FixedPointSum::reset() {
  std::fill(sums_.begin(), sums_.end(), 0);
  weight_ = 0;
  bound_ = 0;
}

}  // namespace archleak
