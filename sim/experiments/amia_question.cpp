#include "sim/experiments/amia_question.h"

#include "core/random.h"

namespace archleak::sim {

AmiaQuestion ask(const PartyData& data, const data::Dataset& nonmembers, uint64_t seed) {
  data::Dataset all = data.both->splits.train;
  const int64_t own = all.size();
  data::append(all, nonmembers);
  RandomEngine engine = make_engine({.seed = seed, .purpose = "amia question"});
  const auto order = random_permutation(all.size(), engine);
  AmiaQuestion question{.examples = data::subset(all, order), .of_architecture = {}, .of_weights = {}, .places = order};
  for (const int64_t place : order) {
    const bool member = place < own;
    question.of_architecture.push_back(member && data.of_architecture[place]);
    question.of_weights.push_back(member && !data.of_architecture[place]);
  }
  return question;
}

}  // namespace archleak::sim
