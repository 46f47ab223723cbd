#include "attacks/membership/bayes_optimal.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <bit>
#include <cmath>

#include "attacks/membership/log_sum_exp.h"
#include "core/error.h"

namespace archleak::attacks {
namespace {

constexpr int64_t kMostCandidates = 20;

}  // namespace

std::vector<double> bayes_membership(int64_t candidates, double prior,
                                     const std::function<double(uint32_t)>& log_likelihood) {
  if (candidates < 1 || candidates > kMostCandidates) {
    throw ConfigError(
        fmt::format("Bayes-optimal rate: expected 1 to {} candidates, got {}", kMostCandidates, candidates));
  }
  if (!(prior > 0 && prior < 1)) {
    throw ConfigError(fmt::format("Bayes-optimal rate: expected a prior within (0, 1), got {}", prior));
  }
  std::vector<double> joint(size_t{1} << candidates);
  for (uint32_t set = 0; set < joint.size(); ++set) {
    const double likelihood = log_likelihood(set);
    if (std::isnan(likelihood)) throw DataError("Bayes-optimal rate: expected log-likelihoods, got NaN");
    const auto in = static_cast<double>(std::popcount(set));
    joint[set] = likelihood + in * std::log(prior) + (static_cast<double>(candidates) - in) * std::log1p(-prior);
  }
  const double all = log_sum_exp(joint);
  if (!std::isfinite(all)) {
    throw DataError("Bayes-optimal rate: expected a training set that could have given this architecture, got none");
  }
  std::vector<double> posterior(candidates);
  for (uint32_t set = 0; set < joint.size(); ++set) {
    const double probability = std::exp(joint[set] - all);
    for (int64_t i = 0; i < candidates; ++i) {
      if (set >> i & 1) posterior[i] += probability;
    }
  }
  return posterior;
}

double bayes_accuracy(const std::vector<double>& posterior) {
  double sum = 0;
  for (const double p : posterior) sum += std::max(p, 1 - p);
  return sum / static_cast<double>(posterior.size());
}

}  // namespace archleak::attacks
