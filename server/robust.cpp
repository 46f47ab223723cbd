#include "server/robust.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "core/error.h"

namespace archleak::server {
namespace {

/// Gives `combine` the sorted values of each coordinate in turn.
template <typename Combine>
std::vector<float> by_coordinate(Updates updates, Combine combine) {
  if (updates.empty()) throw DataError("robust aggregation: expected at least one update, got none");
  std::vector<float> out(updates[0].size());
  std::vector<float> column(updates.size());
  for (size_t i = 0; i < out.size(); ++i) {
    for (size_t k = 0; k < updates.size(); ++k) column[k] = updates[k][i];
    std::sort(column.begin(), column.end());
    out[i] = static_cast<float>(combine(column));
  }
  return out;
}

double squared_distance(std::span<const float> a, std::span<const float> b) {
  double sum = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    const double difference = static_cast<double>(a[i]) - b[i];
    sum += difference * difference;
  }
  return sum;
}

bool is_krum(RobustRule rule) {
  return rule == RobustRule::krum || rule == RobustRule::multi_krum;
}

}  // namespace

void describe(ConfigSection section, RobustOptions& options) {
  section.read("rule", options.rule,
               {{"mean", RobustRule::mean},
                {"median", RobustRule::median},
                {"trimmed_mean", RobustRule::trimmed_mean},
                {"krum", RobustRule::krum},
                {"multi_krum", RobustRule::multi_krum}},
               "how updates become one");
  section.read("trim", options.trim, {.min = 0, .max = 0.49}, "trimmed_mean: share dropped at either end");
  section.read("byzantine", options.byzantine, {.min = 0}, "krum, multi_krum: bad clients to withstand");
  section.read("selected", options.selected, {.min = 0}, "multi_krum: updates in the mean; 0: all but the bad clients");
  section.read("norm_bound", options.norm_bound, {.min = 0}, "clip updates to this Euclidean norm; 0: off");
}

bool needs_single_updates(const RobustOptions& options) {
  return options.rule != RobustRule::mean || options.norm_bound > 0;
}

int64_t minimum_updates(const RobustOptions& options) {
  if (!is_krum(options.rule)) return 1;
  const int64_t krum = 2 * options.byzantine + 3;
  return options.rule == RobustRule::krum ? krum : std::max(krum, options.selected + options.byzantine);
}

void validate(const RobustOptions& options, Fidelity fidelity, int64_t clients_per_round) {
  if (fidelity == Fidelity::fused && needs_single_updates(options)) {
    throw ConfigError(
        "robust: expected fidelity \"wire\" for a rule that needs single updates (median, trimmed_mean, krum, "
        "multi_krum, norm_bound), got \"fused\"");
  }
  if (clients_per_round < minimum_updates(options)) {
    throw ConfigError(fmt::format("robust: expected at least {} clients a round for {} bad ones, got {}",
                                  minimum_updates(options), options.byzantine, clients_per_round));
  }
}

std::vector<float> coordinate_median(Updates updates) {
  return by_coordinate(updates, [](const std::vector<float>& sorted) {
    const size_t middle = sorted.size() / 2;
    if (sorted.size() % 2 == 1) return static_cast<double>(sorted[middle]);
    return (static_cast<double>(sorted[middle - 1]) + sorted[middle]) / 2;
  });
}

std::vector<float> trimmed_mean(Updates updates, double trim) {
  if (!(trim >= 0 && trim < 0.5)) throw ConfigError(fmt::format("trim: expected a share below 0.5, got {}", trim));
  // The margin keeps 0.1 * 30 updates at three.
  const auto cut = static_cast<size_t>(trim * static_cast<double>(updates.size()) + 1e-9);
  return by_coordinate(updates, [cut](const std::vector<float>& sorted) {
    const double sum = std::accumulate(sorted.begin() + cut, sorted.end() - cut, 0.0);
    return sum / static_cast<double>(sorted.size() - 2 * cut);
  });
}

std::vector<double> krum_scores(Updates updates, int64_t byzantine) {
  const auto n = static_cast<int64_t>(updates.size());
  if (n < 2 * byzantine + 3) {
    throw DataError(fmt::format("krum: expected at least {} updates, got {}", 2 * byzantine + 3, n));
  }
  std::vector<std::vector<double>> distances(updates.size());
  for (size_t i = 0; i < updates.size(); ++i) {
    for (size_t j = 0; j < i; ++j) {
      const double distance = squared_distance(updates[i], updates[j]);
      distances[i].push_back(distance);
      distances[j].push_back(distance);
    }
  }
  std::vector<double> scores;
  for (auto& row : distances) {
    std::sort(row.begin(), row.end());
    scores.push_back(std::accumulate(row.begin(), row.begin() + (n - byzantine - 2), 0.0));
  }
  return scores;
}

std::vector<size_t> krum_select(Updates updates, int64_t byzantine, int64_t selected) {
  const std::vector<double> scores = krum_scores(updates, byzantine);
  if (selected < 1 || selected > static_cast<int64_t>(updates.size())) {
    throw DataError(fmt::format("krum: expected 1 to {} updates to select, got {}", updates.size(), selected));
  }
  std::vector<size_t> order(updates.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return scores[a] < scores[b]; });
  order.resize(static_cast<size_t>(selected));
  std::sort(order.begin(), order.end());
  return order;
}

}  // namespace archleak::server
