#pragma once
#include <cstdint>
#include <vector>

#include "attacks/membership/metrics.h"

namespace archleak::attacks {

/// The epoch of an attack whose balanced accuracy on the target is the largest, the first of several. Published code
/// often reports it. Like an oracle's threshold it is chosen on what it is judged by: a bound that no attacker has.
class BestEpoch {
 public:
  /// `scores` after `epoch`, and what they are worth.
  void take(int64_t epoch, const std::vector<double>& scores, const Metrics& found);

  int64_t epoch() const { return epoch_; }  ///< 0: none was taken
  const std::vector<double>& scores() const { return scores_; }

 private:
  int64_t epoch_ = 0;
  double balanced_accuracy_ = 0;
  std::vector<double> scores_;
};

}  // namespace archleak::attacks
