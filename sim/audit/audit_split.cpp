#include "sim/audit/audit_split.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>

#include "core/error.h"
#include "core/random.h"

namespace archleak::sim {

std::vector<int64_t> AuditSplit::training_set(int64_t model) const {
  std::vector<int64_t> places;
  for (size_t i = 0; i < samples.size(); ++i) {
    if (in[model][i]) places.push_back(samples[i]);
  }
  std::sort(places.begin(), places.end());
  return places;
}

AuditSplit make_audit_split(int64_t examples, const AuditOptions& options, uint64_t seed) {
  const int64_t asked = options.samples + options.population;
  if (asked + options.reference > examples) {
    throw ConfigError(fmt::format(
        "audit: expected at least {} training examples for {} samples, a population of {} and a reference of {}, got "
        "{}",
        asked + options.reference, options.samples, options.population, options.reference, examples));
  }
  RandomEngine engine = make_engine({.seed = seed, .purpose = "audit samples"});
  const auto order = random_permutation(examples, engine);
  AuditSplit split;
  split.samples.assign(order.begin(), order.begin() + options.samples);
  split.population.assign(order.begin() + options.samples, order.begin() + asked);
  split.reference.assign(order.begin() + asked, order.begin() + asked + options.reference);
  split.in.assign(1 + options.shadows, std::vector<uint8_t>(options.samples));
  RandomEngine members = make_engine({.seed = seed, .purpose = "audit members"});
  const auto chosen = random_permutation(options.samples, members);
  for (int64_t i = 0; i < options.samples / 2; ++i) split.in[0][chosen[i]] = 1;
  for (int64_t sample = 0; sample < options.samples; ++sample) {
    const auto shadows = random_permutation(options.shadows, members);
    for (int64_t i = 0; i < options.shadows / 2; ++i) split.in[1 + shadows[i]][sample] = 1;
  }
  return split;
}

}  // namespace archleak::sim
