#include "attacks/membership/threshold_attack.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <cmath>

#include "attacks/membership/log_sum_exp.h"
#include "attacks/membership/ranking.h"
#include "core/error.h"

namespace archleak::attacks {
namespace {

double entropy(std::span<const double> logits) {
  const double log_sum = log_sum_exp(logits);
  double sum = 0;
  for (const double logit : logits) sum -= std::exp(logit - log_sum) * (logit - log_sum);
  return sum;
}

/// Where a probability is nearly 1, its complement is summed from the others: 1 - p would be 0.
double modified_entropy(std::span<const double> logits, size_t label) {
  const double log_sum = log_sum_exp(logits);
  const auto log_complement = [&](size_t i) {
    const double p = std::exp(logits[i] - log_sum);
    return p < 0.5 ? std::log1p(-p) : log_sum_exp(logits, i) - log_sum;
  };
  double sum = 0;
  for (size_t i = 0; i < logits.size(); ++i) {
    const double log_p = logits[i] - log_sum;
    sum -= i == label ? std::exp(log_complement(i)) * log_p : std::exp(log_p) * log_complement(i);
  }
  return sum;
}

/// Halfway between the best threshold and the next smaller signal; the signal itself if it is the smallest.
double fit_threshold(const Ranking& ranking) {
  const double best = best_threshold(ranking);
  const auto next = std::find(ranking.scores.begin(), ranking.scores.end(), best) + 1;
  return next == ranking.scores.end() ? best : best + (*next - best) / 2;
}

}  // namespace

std::vector<double> threshold_signal(ThresholdSignal kind, const Signals& signals) {
  check_signals(signals, "threshold attack");
  std::vector<double> values;
  for (int64_t i = 0; i < signals.samples(); ++i) {
    const auto row = signals.row(i);
    const auto label = static_cast<size_t>(signals.labels[i]);
    switch (kind) {
      case ThresholdSignal::confidence:
        values.push_back(*std::max_element(row.begin(), row.end()) - log_sum_exp(row));
        break;
      case ThresholdSignal::entropy:
        values.push_back(-entropy(row));
        break;
      case ThresholdSignal::modified_entropy:
        values.push_back(-modified_entropy(row, label));
        break;
      case ThresholdSignal::loss:
        values.push_back(row[label] - log_sum_exp(row));
        break;
      case ThresholdSignal::correctness:
        values.push_back(std::max_element(row.begin(), row.end()) == row.begin() + static_cast<int64_t>(label));
        break;
    }
  }
  return values;
}

Thresholds fit_thresholds(std::span<const double> signal, std::span<const int64_t> labels,
                          std::span<const uint8_t> member, int64_t classes, ThresholdScope scope) {
  if (labels.size() != signal.size()) {
    throw DataError(fmt::format("expected a label for each of {} signals, got {}", signal.size(), labels.size()));
  }
  Thresholds thresholds{std::vector<double>(static_cast<size_t>(classes), fit_threshold(rank(signal, member)))};
  std::vector<std::vector<double>> signals(static_cast<size_t>(classes));
  std::vector<std::vector<uint8_t>> members(static_cast<size_t>(classes));
  for (size_t i = 0; i < signal.size(); ++i) {
    if (labels[i] < 0 || labels[i] >= classes) {
      throw DataError(fmt::format("expected labels from 0 to {}, got {}", classes - 1, labels[i]));
    }
    signals[labels[i]].push_back(signal[i]);
    members[labels[i]].push_back(member[i]);
  }
  if (scope == ThresholdScope::global) return thresholds;
  for (size_t c = 0; c < signals.size(); ++c) {
    const auto count = std::count(members[c].begin(), members[c].end(), 0);
    if (count == 0 || count == static_cast<int64_t>(members[c].size())) continue;
    thresholds.by_class[c] = fit_threshold(rank(signals[c], members[c]));
  }
  return thresholds;
}

std::vector<double> threshold_attack(ThresholdSignal kind, ThresholdScope scope, const Signals& shadow,
                                     const Signals& target) {
  if (shadow.classes != target.classes) {
    throw DataError(fmt::format("threshold attack: expected the {} classes of the shadow models, got {}",
                                shadow.classes, target.classes));
  }
  const auto thresholds =
      fit_thresholds(threshold_signal(kind, shadow), shadow.labels, shadow.member, shadow.classes, scope);
  auto scores = threshold_signal(kind, target);
  for (size_t i = 0; i < scores.size(); ++i) scores[i] -= thresholds.by_class[target.labels[i]];
  return scores;
}

}  // namespace archleak::attacks
