#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "core/fixed_point.h"
#include "core/protocol.h"
#include "server/robust.h"

namespace archleak::server {

/// Collects the updates of one round and gives their mean.
///
/// Sums are exact (core/fixed_point.h): single updates and partial sums, in any order and grouping, give the same bits.
/// Robust rules keep the single updates and take them in the order of client ids. A refused update, for instance one
/// with NaN, leaves no trace; the refusal is a value because a client may send anything.
class Aggregator {
 public:
  /// `center` holds the global model's trained floats (weights and alpha as in `layout`) where updates are values
  /// rather than differences (Protocol::weights), for the norm bound to measure from; else empty. Throws ConfigError
  /// when the rule and the fidelity contradict each other.
  Aggregator(const UpdateLayout& layout, const ProtocolOptions& protocol, const RobustOptions& robust = {},
             std::vector<float> center = {});

  /// Adds one client's update (wire). Returns the reason if it is refused: wrong length, a value that is not finite, a
  /// negative number of samples, a second update of the same client. Throws Error if the sum overflows.
  std::optional<std::string> add(int64_t client, std::span<const float> values, int64_t samples);

  /// Adds a worker's partial sum of `updates` clients (fused). Returns the reason if it is refused: wrong length or
  /// scale, elements beyond `bound`. Throws Error if the sum overflows.
  std::optional<std::string> add_partial(std::span<const int64_t> sums, int64_t weight, int64_t bound, int scale_bits,
                                         int64_t updates);

  /// Adds the unmasked sum of `updates` clients (secure aggregation). Returns the reason as above.
  std::optional<std::string> add_unmasked(std::span<const int64_t> sums, int64_t weight, int64_t updates);

  /// The aggregate of all that was added, `[layout.size()]`. Throws DataError when there is nothing, the total weight
  /// is zero, or the rule needs more updates.
  std::vector<float> mean() const;

  int64_t weight() const;                       ///< total weight so far
  int64_t updates() const { return updates_; }  ///< clients so far
  int64_t refused() const { return refused_; }
  int64_t clipped() const { return clipped_; }  ///< updates beyond the norm bound

  /// Ready for the next round.
  void reset(std::vector<float> center = {});

 private:
  struct Single {
    std::vector<float> values;
    int64_t weight;
  };
  std::vector<float> robust_mean() const;

  UpdateLayout layout_;
  ProtocolOptions protocol_;
  RobustOptions robust_;
  std::vector<float> center_;
  FixedPointSum sum_;
  std::map<int64_t, Single> singles_;  // by client; robust rules only
  std::set<int64_t> clients_;
  int64_t single_weight_ = 0;
  int64_t updates_ = 0;
  int64_t refused_ = 0;
  int64_t clipped_ = 0;
};

}  // namespace archleak::server
