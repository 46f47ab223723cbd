#include "attacks/membership/rmia.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <cmath>

#include "attacks/membership/evaluator.h"
#include "attacks/membership/log_sum_exp.h"
#include "core/error.h"

namespace archleak::attacks {
namespace {

/// log of the mean probability of a sample over the shadows on one side.
double log_mean(const ShadowTable& table, int64_t sample, bool in) {
  std::vector<double> logs;
  for (int64_t shadow = 0; shadow < table.shadows; ++shadow) {
    if (table.in_at(shadow, sample) == in) logs.push_back(log_sigmoid(table.phi_at(shadow, sample)));
  }
  if (logs.empty()) {
    throw DataError(
        fmt::format("RMIA: expected a shadow model {} sample {}, got none", in ? "with" : "without", sample));
  }
  return log_sum_exp(logs) - std::log(static_cast<double>(logs.size()));
}

/// (1 + a) / 2 * p + (1 - a) / 2, of and to logarithms.
double raised(double log_p, double a) {
  const double terms[]{std::log((1 + a) / 2) + log_p, std::log((1 - a) / 2)};
  return log_sum_exp(terms);
}

/// log(p(x | target) / P(x)) for each sample; a population has no IN side.
std::vector<double> log_ratios(const ShadowTable& table, const std::vector<double>& target, const RmiaOptions& options,
                               bool population) {
  std::vector<double> ratios;
  for (int64_t i = 0; i < table.samples; ++i) {
    double log_p = log_mean(table, i, false);
    if (options.mode == RmiaOptions::Mode::offline) {
      log_p = raised(log_p, options.a);
    } else if (!population) {
      const double sides[]{log_p, log_mean(table, i, true)};
      log_p = log_sum_exp(sides) - std::log(2);
    }
    ratios.push_back(log_sigmoid(target[i]) - log_p);
  }
  return ratios;
}

/// The table without its first shadow.
ShadowTable others(const ShadowTable& table) {
  return {.shadows = table.shadows - 1,
          .samples = table.samples,
          .phi = {table.phi.begin() + table.samples, table.phi.end()},
          .in = {table.in.begin() + table.samples, table.in.end()}};
}

}  // namespace

std::vector<double> rmia(const ShadowTable& samples, const std::vector<double>& target, const ShadowTable& population,
                         const std::vector<double>& target_population, const RmiaOptions& options) {
  if (!(options.a >= 0 && options.a <= 1) || !(options.gamma > 0 && std::isfinite(options.gamma))) {
    throw ConfigError(
        fmt::format("RMIA: expected a from 0 to 1 and a positive gamma, got {} and {}", options.a, options.gamma));
  }
  check_shadows(samples, "RMIA");
  check_shadows(population, "RMIA, population");
  check_target(samples, target, "RMIA");
  check_target(population, target_population, "RMIA, population");
  if (population.samples == 0) throw DataError("RMIA: expected a population, got no samples");
  if (population.shadows != samples.shadows) {
    throw DataError(fmt::format("RMIA: expected the population's phi of {} shadow models, got {}", samples.shadows,
                                population.shadows));
  }
  if (std::count(population.in.begin(), population.in.end(), 0) != static_cast<int64_t>(population.in.size())) {
    throw DataError("RMIA: expected a population outside of all training sets, got samples of a shadow model");
  }
  auto beaten = log_ratios(population, target_population, options, true);
  std::sort(beaten.begin(), beaten.end());
  std::vector<double> scores;
  for (const double ratio : log_ratios(samples, target, options, false)) {
    const auto end = std::upper_bound(beaten.begin(), beaten.end(), ratio - std::log(options.gamma));
    scores.push_back(static_cast<double>(end - beaten.begin()) / static_cast<double>(beaten.size()));
  }
  return scores;
}

double fit_rmia_a(const ShadowTable& samples, const ShadowTable& population, RmiaOptions options) {
  check_shadows(samples, "RMIA");
  check_shadows(population, "RMIA, population");
  const std::vector<double> target(samples.phi.begin(), samples.phi.begin() + samples.samples);
  const std::vector<double> target_population(population.phi.begin(), population.phi.begin() + population.samples);
  const std::vector<uint8_t> member(samples.in.begin(), samples.in.begin() + samples.samples);
  const ShadowTable shadows = others(samples), shadow_population = others(population);
  options.mode = RmiaOptions::Mode::offline;
  double best_auc = -1, best_a = 0;
  for (int tenth = 0; tenth <= 10; ++tenth) {
    options.a = tenth / 10.0;
    const auto scores = rmia(shadows, target, shadow_population, target_population, options);
    const double auc = evaluate(scores, member, {.resamples = 0}).value.auc;
    if (auc <= best_auc) continue;
    best_auc = auc;
    best_a = options.a;
  }
  return best_a;
}

}  // namespace archleak::attacks
