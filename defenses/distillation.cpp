#include "defenses/distillation.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "core/error.h"

namespace archleak::defenses {
namespace {

/// Calls visit(example, softmax(logits / temperature) in double precision) for every row.
template <typename Visit>
void for_each_prediction(std::span<const float> logits, int64_t classes, double temperature, Visit&& visit) {
  if (classes < 1 || std::ssize(logits) % classes != 0) {
    throw DataError(fmt::format("distillation: expected logits of {} classes, got {} of them", classes, logits.size()));
  }
  std::vector<double> row(static_cast<size_t>(classes));
  for (int64_t example = 0; example < std::ssize(logits) / classes; ++example) {
    const auto values = logits.subspan(example * classes, classes);
    if (!std::all_of(values.begin(), values.end(), [](float value) { return std::isfinite(value); })) {
      throw DataError(fmt::format("distillation: expected finite logits of example {}, got others", example));
    }
    const double largest = *std::max_element(values.begin(), values.end());
    std::transform(values.begin(), values.end(), row.begin(),
                   [&](float value) { return std::exp((value - largest) / temperature); });
    const double sum = std::accumulate(row.begin(), row.end(), 0.0);
    for (double& probability : row) probability /= sum;
    visit(example, row);
  }
}

}  // namespace

std::vector<float> soft_labels(std::span<const float> logits, int64_t classes, double temperature) {
  std::vector<float> labels;
  labels.reserve(logits.size());
  for_each_prediction(logits, classes, temperature, [&](int64_t, const std::vector<double>& row) {
    labels.insert(labels.end(), row.begin(), row.end());
  });
  return labels;
}

std::vector<double> prediction_entropies(std::span<const float> logits, int64_t classes) {
  std::vector<double> entropies;
  for_each_prediction(logits, classes, 1, [&](int64_t, const std::vector<double>& row) {
    double entropy = 0;
    for (const double probability : row) {
      if (probability > 0) entropy -= probability * std::log(probability);
    }
    entropies.push_back(entropy);
  });
  return entropies;
}

std::vector<int64_t> lowest_entropies(std::span<const double> entropies, double quantile) {
  // A share of 0.55 of 100 is 55, although their product in double precision is a little more.
  const auto wanted = static_cast<int64_t>(std::ceil(quantile * static_cast<double>(entropies.size()) - 1e-9));
  std::vector<int64_t> order(entropies.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](int64_t a, int64_t b) { return entropies[a] < entropies[b]; });
  order.resize(static_cast<size_t>(std::clamp<int64_t>(wanted, 0, std::ssize(order))));
  std::sort(order.begin(), order.end());
  return order;
}

}  // namespace archleak::defenses
