#pragma once
#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "defenses/key_agreement.h"

namespace archleak::defenses {

/// One holder's share of a secret: a point on a polynomial for each part of the secret.
///
/// A secret of 32 bytes is shared as five parts of at most seven bytes, each in the field of the integers modulo the
/// prime 2^61 - 1.
struct Share {
  static constexpr size_t kParts = 5;
  uint64_t point = 0;  ///< where the polynomials are evaluated: 1 for the first holder
  std::array<uint64_t, kParts> values{};
  bool operator==(const Share&) const = default;
};

/// Shares of `secret` for `holders` holders, any `threshold` of which give it back and fewer of which say nothing about
/// it (Shamir, "How to Share a Secret", 1979). The polynomials' coefficients come from `random`. Throws ConfigError
/// unless 1 <= threshold <= holders.
std::vector<Share> split_secret(const Secret& secret, int64_t threshold, int64_t holders, KeyStream& random);

/// The secret of at least `threshold` shares; uses the first of them. Throws ProtocolError for too few shares, two of
/// one holder, values outside of the field, or shares that belong to no secret, as far as that can be seen.
Secret combine_shares(std::span<const Share> shares, int64_t threshold);

}  // namespace archleak::defenses
