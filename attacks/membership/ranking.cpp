#include "attacks/membership/ranking.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "core/error.h"

namespace archleak::attacks {

Ranking rank(std::span<const double> scores, std::span<const uint8_t> member) {
  if (scores.size() != member.size()) {
    throw DataError(fmt::format("expected a member flag for each of {} scores, got {}", scores.size(), member.size()));
  }
  for (size_t i = 0; i < scores.size(); ++i) {
    if (std::isfinite(scores[i])) continue;
    throw DataError(fmt::format("expected finite scores, got {} at index {}", scores[i], i));
  }
  std::vector<size_t> order(scores.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::sort(order.begin(), order.end(), [&](size_t a, size_t b) { return scores[a] > scores[b]; });
  Ranking ranking;
  for (const size_t i : order) {
    if (ranking.scores.empty() || scores[i] != ranking.scores.back()) {
      ranking.scores.push_back(scores[i]);
      ranking.members.push_back(0);
      ranking.nonmembers.push_back(0);
    }
    ++(member[i] ? ranking.members : ranking.nonmembers).back();
    ++(member[i] ? ranking.member_count : ranking.nonmember_count);
  }
  if (ranking.member_count == 0 || ranking.nonmember_count == 0) {
    throw DataError(fmt::format("expected members and non-members, got {} members and {} non-members",
                                ranking.member_count, ranking.nonmember_count));
  }
  return ranking;
}

RocCurve roc(const Ranking& ranking) {
  RocCurve curve{{0}, {0}, {std::numeric_limits<double>::infinity()}};
  int64_t true_positives = 0, false_positives = 0;
  for (size_t group = 0; group < ranking.scores.size(); ++group) {
    true_positives += ranking.members[group];
    false_positives += ranking.nonmembers[group];
    curve.fpr.push_back(static_cast<double>(false_positives) / static_cast<double>(ranking.nonmember_count));
    curve.tpr.push_back(static_cast<double>(true_positives) / static_cast<double>(ranking.member_count));
    curve.thresholds.push_back(ranking.scores[group]);
  }
  return curve;
}

double best_threshold(const Ranking& ranking) {
  double best = -1, threshold = 0;
  int64_t true_positives = 0, false_positives = 0;
  for (size_t group = 0; group < ranking.scores.size(); ++group) {
    true_positives += ranking.members[group];
    false_positives += ranking.nonmembers[group];
    const double gap = static_cast<double>(true_positives) / static_cast<double>(ranking.member_count) -
                       static_cast<double>(false_positives) / static_cast<double>(ranking.nonmember_count);
    if (gap > best) {
      best = gap;
      threshold = ranking.scores[group];
    }
  }
  return threshold;
}

}  // namespace archleak::attacks
