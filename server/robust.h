#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "core/config.h"
#include "core/protocol.h"

namespace archleak::server {

/// How single updates become one vector.
enum class RobustRule {
  mean,          ///< weighted mean
  median,        ///< of each coordinate (Yin et al. 2018); ignores weights
  trimmed_mean,  ///< of each coordinate without the share `trim` at either end (Yin et al. 2018); ignores weights
  krum,          ///< the update nearest to its neighbours (Blanchard et al. 2017)
  multi_krum,    ///< weighted mean of the `selected` best by Krum's score
};

/// Aggregation that withstands some bad clients.
struct RobustOptions {
  RobustRule rule = RobustRule::mean;
  double trim = 0.1;      ///< trimmed_mean: share dropped at either end
  int64_t byzantine = 1;  ///< krum, multi_krum: bad clients to withstand, f
  int64_t selected = 0;   ///< multi_krum: updates that enter the mean, m; 0: n - f
  double norm_bound = 0;  ///< clips every update to this Euclidean norm first; 0: off
};

void describe(ConfigSection section, RobustOptions& options);

/// Whether the rule needs to see single updates.
bool needs_single_updates(const RobustOptions& options);

/// The least number of updates that the rule works with: 2 f + 3 for Krum, m + f for multi-Krum where that is more.
int64_t minimum_updates(const RobustOptions& options);

/// Throws ConfigError for a rule that needs single updates in fused fidelity, or more than `clients_per_round` updates.
void validate(const RobustOptions& options, Fidelity fidelity, int64_t clients_per_round);

/// Updates of equal length, in the order of their client ids, so that nothing depends on the order of arrival.
using Updates = std::span<const std::span<const float>>;

/// The median of each coordinate; of an even number, the mean of the middle two, rounded once.
std::vector<float> coordinate_median(Updates updates);

/// The mean of each coordinate without the floor(trim * n) smallest and largest values; `trim` is in [0, 0.5).
std::vector<float> trimmed_mean(Updates updates, double trim);

/// Krum's score of each update: the sum of its squared distances to its n - f - 2 nearest others. Small is good.
/// Throws DataError for fewer than 2 f + 3 updates.
std::vector<double> krum_scores(Updates updates, int64_t byzantine);

/// Indices of the `selected` best updates by `krum_scores` (ties: lower index), ascending.
std::vector<size_t> krum_select(Updates updates, int64_t byzantine, int64_t selected);

}  // namespace archleak::server
