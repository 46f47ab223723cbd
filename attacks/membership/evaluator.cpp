#include "attacks/membership/evaluator.h"

#include <spdlog/fmt/fmt.h>

#include <cmath>
#include <map>

#include "attacks/membership/bootstrap.h"
#include "core/error.h"
#include "data/lines.h"

namespace archleak::attacks {
namespace {

/// Numbers first and by value, so that 10 comes after 9.
struct ByNumberThenName {
  bool operator()(const std::string& a, const std::string& b) const {
    int64_t x = 0, y = 0;
    const bool number_a = data::parse_number(a, x), number_b = data::parse_number(b, y);
    if (number_a != number_b) return number_a;
    return number_a && x != y ? x < y : a < b;
  }
};
using Levels = std::map<std::string, std::vector<size_t>, ByNumberThenName>;

void expect_length(const char* column, size_t length, const ScoreTable& table) {
  if (length == 0 || length == table.scores.size()) return;
  throw DataError(fmt::format("expected {} for each of {} scores, got {}", column, table.scores.size(), length));
}

/// The samples of each level of a column that names one for each sample.
Levels by_level(const std::vector<std::string>& column, const char* classes) {
  Levels levels;
  for (size_t i = 0; i < column.size(); ++i) {
    levels[column[i]].push_back(i);
    if (std::ssize(levels) <= kMostSlicedClasses) continue;
    throw DataError(
        fmt::format("expected at most {} {}, got more: is the column one of ids?", kMostSlicedClasses, classes));
  }
  return levels;
}

Slice slice_of(const ScoreTable& table, const std::vector<size_t>& samples, const std::string& by,
               const std::string& level, const EvaluationOptions& options) {
  Slice slice{.by = by, .level = level};
  std::vector<double> scores;
  std::vector<uint8_t> member;
  for (const size_t i : samples) {
    scores.push_back(table.scores[i]);
    member.push_back(table.member[i]);
    ++(table.member[i] ? slice.members : slice.nonmembers);
  }
  if (slice.members > 0 && slice.nonmembers > 0) {
    slice.evaluation = evaluate(scores, member, options, fmt::format("bootstrap {} {}", by, level));
  }
  return slice;
}

}  // namespace

Evaluation evaluate(std::span<const double> scores, std::span<const uint8_t> member, const EvaluationOptions& options,
                    const std::string& purpose) {
  const Ranking ranking = rank(scores, member);
  const double oracle = best_threshold(ranking);
  const double threshold = options.threshold.value_or(oracle);
  if (!std::isfinite(threshold)) {
    throw ConfigError(fmt::format("expected a finite number as threshold, got {}", threshold));
  }
  const auto intervals = bootstrap(
      ranking, threshold, oracle,
      {.resamples = options.resamples, .confidence = options.confidence, .seed = options.seed, .purpose = purpose});
  return {.members = ranking.member_count,
          .nonmembers = ranking.nonmember_count,
          .threshold = threshold,
          .oracle = !options.threshold,
          .value = measure(ranking, threshold, oracle),
          .low = intervals.low,
          .high = intervals.high};
}

std::vector<Slice> evaluate_slices(const ScoreTable& table, const EvaluationOptions& options,
                                   const std::string& purpose) {
  expect_length("a class", table.labels.size(), table);
  expect_length("a correctness flag", table.correct.size(), table);
  expect_length("a part", table.parts.size(), table);
  const Evaluation all = evaluate(table.scores, table.member, options, purpose);
  std::vector<Slice> slices{{"all", "all", all.members, all.nonmembers, all}};
  for (const auto& [level, samples] : by_level(table.labels, "classes")) {
    slices.push_back(slice_of(table, samples, "label", level, options));
  }
  Levels correctness;
  for (size_t i = 0; i < table.correct.size(); ++i) correctness[table.correct[i] ? "1" : "0"].push_back(i);
  for (const auto& [level, samples] : correctness) {
    slices.push_back(slice_of(table, samples, "correct", level, options));
  }
  for (auto [level, samples] : by_level(table.parts, "parts")) {
    if (level.empty()) continue;  // of no part: non-members are beside each
    for (size_t i = 0; i < table.member.size(); ++i) {
      if (!table.member[i]) samples.push_back(i);
    }
    slices.push_back(slice_of(table, samples, "part", level, options));
  }
  return slices;
}

}  // namespace archleak::attacks
