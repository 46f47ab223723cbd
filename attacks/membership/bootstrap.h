#pragma once
#include <cstdint>
#include <string>

#include "attacks/membership/metrics.h"

namespace archleak::attacks {

struct BootstrapOptions {
  int64_t resamples = 2000;  ///< 0: no intervals
  double confidence = 0.95;
  uint64_t seed = 1;
  std::string purpose = "bootstrap";  ///< names the stream of random numbers
};

/// Both ends of a confidence interval, metric by metric.
struct MetricIntervals {
  Metrics low;
  Metrics high;
};

/// Percentile intervals (Efron 1979) of `measure(ranking, threshold, oracle)`: as many members and as many non-members
/// are drawn again, each among their own, and both thresholds stay where they are. So an interval says how far other
/// samples of the same kind would move a figure, and not what was gained by choosing the oracle's threshold on these.
/// A resample in which a metric is undefined does not count for it. Ends are NaN without resamples.
///
/// The same ranking, options and seed give the same bits. Throws ConfigError unless the count is at least 0 and the
/// confidence between 0 and 1.
MetricIntervals bootstrap(const Ranking& ranking, double threshold, double oracle, const BootstrapOptions& options);

}  // namespace archleak::attacks
