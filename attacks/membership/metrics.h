#pragma once
#include <span>

#include "attacks/membership/ranking.h"

namespace archleak::attacks {

/// How well scores separate members from non-members. Shares are in [0, 1]; advantages are in [-1, 1]: 0 is guessing.
/// What is undefined (the precision where nobody is called a member) is NaN.
struct Metrics {
  double auc = 0;               ///< area under the curve by trapezoids: P(member scores higher), a tie counts half
  double tpr_at_1_percent = 0;  ///< largest true-positive rate of a threshold with a false-positive rate of at most 1 %
  double tpr_at_1_permille = 0;  ///< the same at 0.1 %; see Carlini et al., "Membership Inference Attacks From First
                                 ///< Principles" (2022), on why the average case hides what matters
  double tpr_at_zero = 0;        ///< the same at 0: above every non-member
  double oracle_balanced_accuracy = 0;  ///< at the threshold that makes it largest on these very scores
  double oracle_advantage = 0;          ///< largest TPR - FPR, 2 * oracle_balanced_accuracy - 1
  double accuracy = 0;                  ///< this and all below: at the threshold in question
  double balanced_accuracy = 0;
  double advantage = 0;  ///< TPR - FPR = 2 * balanced_accuracy - 1 (Yeom et al. 2018)
  double f1 = 0;
  double precision = 0;
  double recall = 0;  ///< the true-positive rate
  double fpr = 0;
};

/// The members of `Metrics` with the names that files have for them.
struct MetricField {
  const char* name;
  double Metrics::*value;
};
std::span<const MetricField> metric_fields();

/// The metrics of `ranking`, with a sample called a member if its score is at least `threshold`, and oracle metrics at
/// `oracle` (from `best_threshold`). One pass over the groups.
Metrics measure(const Ranking& ranking, double threshold, double oracle);

}  // namespace archleak::attacks
