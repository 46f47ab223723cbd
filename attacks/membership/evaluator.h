#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "attacks/membership/metrics.h"
#include "attacks/membership/scores.h"

namespace archleak::attacks {

struct EvaluationOptions {
  std::optional<double> threshold;  ///< a score of at least this says "member"; without: the oracle's threshold
  int64_t resamples = 2000;         ///< of the bootstrap; 0: no intervals
  double confidence = 0.95;         ///< of the intervals
  uint64_t seed = 1;                ///< of the bootstrap
};

/// Metrics with their intervals, and what they are of.
struct Evaluation {
  int64_t members = 0;
  int64_t nonmembers = 0;
  double threshold = 0;  ///< of the metrics that need one
  bool oracle = false;   ///< that threshold was chosen on these very scores, for the largest balanced accuracy
  Metrics value;
  Metrics low;  ///< ends of the intervals; NaN without resamples
  Metrics high;

  double member_share() const { return static_cast<double>(members) / static_cast<double>(members + nonmembers); }
};

/// Turns scores into metrics; every attack's figures come from here. `scores` and `member` are `[samples]`, a larger
/// score means "more likely a member", tied samples share every threshold. `purpose` names the bootstrap's stream of
/// random numbers. Throws DataError unless there are members and non-members and all scores are finite; ConfigError for
/// options that cannot be.
Evaluation evaluate(std::span<const double> scores, std::span<const uint8_t> member, const EvaluationOptions& options,
                    const std::string& purpose = "bootstrap");

/// The samples of one class, those classified right or wrong, or one part of the members beside all non-members, on
/// their own.
struct Slice {
  std::string by;     ///< "label", "correct" or "part"; "all" for the whole table
  std::string level;  ///< the class; "1" or "0"; the part; "all"
  int64_t members = 0;
  int64_t nonmembers = 0;
  std::optional<Evaluation> evaluation;  ///< nothing where members or non-members are missing
};

/// A column of more classes or parts than that is taken for one of ids.
inline constexpr int64_t kMostSlicedClasses = 1000;

/// The whole table, then a slice for each class (numbers in their order, names in theirs), for correctness, and for
/// each part of the members, as far as the table has these columns. Without a given threshold, each slice has an oracle
/// of its own. Throws as `evaluate`, and DataError for columns of other lengths and for more than kMostSlicedClasses
/// classes or parts.
std::vector<Slice> evaluate_slices(const ScoreTable& table, const EvaluationOptions& options,
                                   const std::string& purpose = "bootstrap");

}  // namespace archleak::attacks
