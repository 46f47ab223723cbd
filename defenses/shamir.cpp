#include "defenses/shamir.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <set>

#include "core/error.h"

namespace archleak::defenses {
namespace {

constexpr uint64_t kPrime = (uint64_t{1} << 61) - 1;
constexpr size_t kPartBytes = 7;

uint64_t add(uint64_t a, uint64_t b) {
  const uint64_t sum = a + b;
  return sum >= kPrime ? sum - kPrime : sum;
}

uint64_t subtract(uint64_t a, uint64_t b) {
  return a >= b ? a - b : a + kPrime - b;
}

uint64_t multiply(uint64_t a, uint64_t b) {
  __extension__ using Wide = unsigned __int128;
  const Wide product = static_cast<Wide>(a) * b;
  // 2^61 = 1 modulo the prime: the high bits count like the low ones.
  return add(static_cast<uint64_t>(product & kPrime), static_cast<uint64_t>(product >> 61));
}

uint64_t inverse(uint64_t a) {
  uint64_t result = 1;  // a^(p-2)
  for (uint64_t exponent = kPrime - 2; exponent > 0; exponent >>= 1) {
    if (exponent & 1) result = multiply(result, a);
    a = multiply(a, a);
  }
  return result;
}

/// Uniform in the field, by rejection.
uint64_t draw(KeyStream& random) {
  uint64_t value = kPrime;
  while (value >= kPrime) {
    std::array<uint8_t, 8> bytes;
    random.fill(bytes);
    value = 0;
    for (size_t i = 0; i < bytes.size(); ++i) value |= static_cast<uint64_t>(bytes[i]) << (8 * i);
    value >>= 3;
  }
  return value;
}

size_t part_bytes(size_t part) {
  return std::min(kPartBytes, Secret{}.size() - part * kPartBytes);
}

uint64_t part_of(const Secret& secret, size_t part) {
  uint64_t value = 0;
  for (size_t i = 0; i < part_bytes(part); ++i) {
    value |= static_cast<uint64_t>(secret[part * kPartBytes + i]) << (8 * i);
  }
  return value;
}

void check(std::span<const Share> shares, int64_t threshold) {
  if (threshold < 1 || std::ssize(shares) < threshold) {
    throw ProtocolError(fmt::format("shares of a secret: expected at least {}, got {}", threshold, shares.size()));
  }
  std::set<uint64_t> points;
  for (const Share& share : shares) {
    const bool in_field = share.point > 0 && share.point < kPrime &&
                          std::all_of(share.values.begin(), share.values.end(), [](uint64_t v) { return v < kPrime; });
    if (!in_field)
      throw ProtocolError("share of a secret: expected numbers below 2^61 - 1, got a larger one or point 0");
    if (!points.insert(share.point).second) {
      throw ProtocolError(fmt::format("shares of a secret: expected one a holder, got two of holder {}", share.point));
    }
  }
}

/// Lagrange's weights for the value at zero.
std::vector<uint64_t> weights_at_zero(std::span<const Share> shares) {
  std::vector<uint64_t> weights;
  for (const Share& share : shares) {
    uint64_t above = 1;
    uint64_t below = 1;
    for (const Share& other : shares) {
      if (other.point == share.point) continue;
      above = multiply(above, other.point);
      below = multiply(below, subtract(other.point, share.point));
    }
    weights.push_back(multiply(above, inverse(below)));
  }
  return weights;
}

}  // namespace

std::vector<Share> split_secret(const Secret& secret, int64_t threshold, int64_t holders, KeyStream& random) {
  if (threshold < 1 || threshold > holders) {
    throw ConfigError(fmt::format("shares of a secret: expected a threshold from 1 to {}, got {}", holders, threshold));
  }
  std::vector<Share> shares(static_cast<size_t>(holders));
  for (size_t i = 0; i < shares.size(); ++i) shares[i].point = i + 1;
  for (size_t part = 0; part < Share::kParts; ++part) {
    std::vector<uint64_t> coefficients{part_of(secret, part)};
    while (std::ssize(coefficients) < threshold) coefficients.push_back(draw(random));
    for (Share& share : shares) {
      uint64_t value = 0;
      for (size_t i = coefficients.size(); i-- > 0;) value = add(multiply(value, share.point), coefficients[i]);
      share.values[part] = value;
    }
  }
  return shares;
}

Secret combine_shares(std::span<const Share> shares, int64_t threshold) {
  check(shares, threshold);
  shares = shares.first(static_cast<size_t>(threshold));
  const auto weights = weights_at_zero(shares);
  Secret secret{};
  for (size_t part = 0; part < Share::kParts; ++part) {
    uint64_t value = 0;
    for (size_t i = 0; i < shares.size(); ++i) value = add(value, multiply(weights[i], shares[i].values[part]));
    if (value >> (8 * part_bytes(part)) != 0) {
      throw ProtocolError("shares of a secret: expected shares of one secret, got some that do not belong together");
    }
    for (size_t i = 0; i < part_bytes(part); ++i)
      secret[part * kPartBytes + i] = static_cast<uint8_t>(value >> (8 * i));
  }
  return secret;
}

}  // namespace archleak::defenses
