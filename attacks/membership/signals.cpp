#include "attacks/membership/signals.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <cmath>

#include "attacks/membership/log_sum_exp.h"
#include "core/error.h"

namespace archleak::attacks {
namespace {

constexpr double kSmallestProbability = 1e-45;

}  // namespace

std::span<const double> Signals::row(int64_t sample) const {
  return std::span(logits).subspan(static_cast<size_t>(sample * classes), static_cast<size_t>(classes));
}

void check_signals(const Signals& signals, const std::string& where) {
  const auto samples = signals.labels.size();
  if (signals.classes < 2) {
    throw DataError(fmt::format("{}: expected at least 2 classes, got {}", where, signals.classes));
  }
  if (signals.logits.size() != samples * static_cast<size_t>(signals.classes) || signals.member.size() != samples) {
    throw DataError(fmt::format("{}: expected {} logits and {} member flags for {} labels, got {} and {}", where,
                                samples * static_cast<size_t>(signals.classes), samples, samples, signals.logits.size(),
                                signals.member.size()));
  }
  for (size_t i = 0; i < samples; ++i) {
    if (signals.labels[i] >= 0 && signals.labels[i] < signals.classes) continue;
    throw DataError(fmt::format("{}: expected a label from 0 to {} for sample {}, got {}", where, signals.classes - 1,
                                i, signals.labels[i]));
  }
  for (size_t i = 0; i < signals.logits.size(); ++i) {
    if (std::isfinite(signals.logits[i])) continue;
    throw DataError(fmt::format("{}: expected finite logits, got {} for sample {}", where, signals.logits[i],
                                i / static_cast<size_t>(signals.classes)));
  }
}

std::vector<double> logits_of(std::span<const double> probabilities) {
  std::vector<double> logits;
  logits.reserve(probabilities.size());
  for (const double p : probabilities) {
    if (!(p >= 0 && p <= 1)) throw DataError(fmt::format("expected probabilities from 0 to 1, got {}", p));
    logits.push_back(std::log(std::max(p, kSmallestProbability)));
  }
  return logits;
}

std::vector<double> loss(const Signals& signals) {
  std::vector<double> losses;
  for (int64_t i = 0; i < signals.samples(); ++i) {
    losses.push_back(log_sum_exp(signals.row(i)) - signals.row(i)[signals.labels[i]]);
  }
  return losses;
}

std::vector<uint8_t> correct(const Signals& signals) {
  std::vector<uint8_t> flags;
  for (int64_t i = 0; i < signals.samples(); ++i) {
    const auto row = signals.row(i);
    flags.push_back(std::max_element(row.begin(), row.end()) - row.begin() == signals.labels[i]);
  }
  return flags;
}

std::vector<double> scaled_confidence(const Signals& signals) {
  std::vector<double> phi;
  for (int64_t i = 0; i < signals.samples(); ++i) {
    const auto label = static_cast<size_t>(signals.labels[i]);
    phi.push_back(signals.row(i)[label] - log_sum_exp(signals.row(i), label));
  }
  return phi;
}

}  // namespace archleak::attacks
