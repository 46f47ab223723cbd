#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "core/fixed_point.h"
#include "wire/message.h"

namespace archleak::client {

/// The sum of the updates of one round's finished tasks, which a worker sends instead of them (fused fidelity).
class RoundSum {
 public:
  explicit RoundSum(int scale_bits) : scale_bits_(scale_bits) {}

  /// Counts `update` towards `round`; false if that round is closed already. Throws DataError (see FixedPointSum).
  bool add(int64_t round, uint64_t task, std::span<const float> update, int64_t weight);

  /// The message for what `round` has gathered; later results of that round are dropped.
  wire::PartialSum close(int64_t round);

 private:
  void restart(int64_t round);

  int scale_bits_;
  std::optional<FixedPointSum> sum_;
  std::vector<uint64_t> tasks_;
  int64_t round_ = -1;
  int64_t closed_ = -1;
};

}  // namespace archleak::client
