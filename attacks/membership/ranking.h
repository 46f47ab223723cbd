#pragma once
#include <cstdint>
#include <span>
#include <vector>

namespace archleak::attacks {

/// Scores from the largest to the smallest with ties grouped, as counts: all that a curve, a metric or a resample needs
/// of them.
struct Ranking {
  std::vector<double> scores;       ///< [groups], each smaller than the one before
  std::vector<int64_t> members;     ///< [groups], how many members have this score
  std::vector<int64_t> nonmembers;  ///< [groups]
  int64_t member_count = 0;
  int64_t nonmember_count = 0;
};

/// Ranks `scores` `[samples]` with flags `member` `[samples]`. Throws DataError unless the lengths agree, all scores
/// are finite, and there are members and non-members.
Ranking rank(std::span<const double> scores, std::span<const uint8_t> member);

/// The receiver operating characteristic: a point for each score as threshold ("member if the score is at least
/// this"), from (0, 0) at infinity to (1, 1). Tied samples move together. The points are those of scikit-learn 1.3's
/// roc_curve(drop_intermediate=False).
struct RocCurve {
  std::vector<double> fpr;         ///< [points], never falls
  std::vector<double> tpr;         ///< [points], never falls
  std::vector<double> thresholds;  ///< [points], falls
};
RocCurve roc(const Ranking& ranking);

/// The score at which TPR - FPR is largest, and with it balanced accuracy; the largest such score. Whoever takes it
/// from the scores that it is then judged on has an oracle: an attacker does not know who was a member.
double best_threshold(const Ranking& ranking);

}  // namespace archleak::attacks
