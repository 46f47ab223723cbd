#include "attacks/membership/metrics.h"

#include <array>
#include <limits>

namespace archleak::attacks {
namespace {

constexpr std::array kFields{MetricField{"auc", &Metrics::auc},
                             MetricField{"tpr_at_fpr_0.01", &Metrics::tpr_at_1_percent},
                             MetricField{"tpr_at_fpr_0.001", &Metrics::tpr_at_1_permille},
                             MetricField{"tpr_at_fpr_0", &Metrics::tpr_at_zero},
                             MetricField{"oracle_balanced_accuracy", &Metrics::oracle_balanced_accuracy},
                             MetricField{"oracle_advantage", &Metrics::oracle_advantage},
                             MetricField{"accuracy", &Metrics::accuracy},
                             MetricField{"balanced_accuracy", &Metrics::balanced_accuracy},
                             MetricField{"advantage", &Metrics::advantage},
                             MetricField{"f1", &Metrics::f1},
                             MetricField{"precision", &Metrics::precision},
                             MetricField{"recall", &Metrics::recall},
                             MetricField{"fpr", &Metrics::fpr}};

}  // namespace

std::span<const MetricField> metric_fields() {
  return kFields;
}

Metrics measure(const Ranking& ranking, double threshold, double oracle) {
  const auto members = static_cast<double>(ranking.member_count);
  const auto nonmembers = static_cast<double>(ranking.nonmember_count);
  Metrics metrics;
  metrics.precision = std::numeric_limits<double>::quiet_NaN();
  int64_t true_positives = 0, false_positives = 0;
  double pairs = 0;  // twice the pairs in which the member scores higher, a tie counts one; exact below 2^53
  for (size_t group = 0; group < ranking.scores.size(); ++group) {
    pairs += static_cast<double>(ranking.nonmembers[group]) *
             static_cast<double>(2 * true_positives + ranking.members[group]);
    true_positives += ranking.members[group];
    false_positives += ranking.nonmembers[group];
    const double tpr = static_cast<double>(true_positives) / members;
    const double fpr = static_cast<double>(false_positives) / nonmembers;
    if (fpr <= 0.01) metrics.tpr_at_1_percent = tpr;
    if (fpr <= 0.001) metrics.tpr_at_1_permille = tpr;
    if (fpr <= 0) metrics.tpr_at_zero = tpr;
    if (ranking.scores[group] >= oracle) metrics.oracle_advantage = tpr - fpr;
    if (ranking.scores[group] >= threshold) {
      const auto positives = static_cast<double>(true_positives + false_positives);
      metrics.recall = tpr;
      metrics.fpr = fpr;
      // Groups that a resample has left empty come first, perhaps.
      if (positives > 0) metrics.precision = static_cast<double>(true_positives) / positives;
      metrics.f1 = 2 * static_cast<double>(true_positives) / (positives + members);
    }
  }
  metrics.auc = pairs / (2 * members * nonmembers);
  metrics.oracle_balanced_accuracy = (1 + metrics.oracle_advantage) / 2;
  metrics.advantage = metrics.recall - metrics.fpr;
  metrics.balanced_accuracy = (1 + metrics.advantage) / 2;
  metrics.accuracy = (metrics.recall * members + (1 - metrics.fpr) * nonmembers) / (members + nonmembers);
  return metrics;
}

}  // namespace archleak::attacks
