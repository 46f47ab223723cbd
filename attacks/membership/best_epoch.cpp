#include "attacks/membership/best_epoch.h"

namespace archleak::attacks {

void BestEpoch::take(int64_t epoch, const std::vector<double>& scores, const Metrics& found) {
  if (epoch_ > 0 && found.balanced_accuracy <= balanced_accuracy_) return;
  epoch_ = epoch;
  balanced_accuracy_ = found.balanced_accuracy;
  scores_ = scores;
}

}  // namespace archleak::attacks
