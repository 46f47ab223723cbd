#include "sim/experiments/amia_trial.h"

#include "sim/tables/experiment.h"

namespace archleak::sim {

attacks::Signals AmiaTrial::signals(const Party& party, const data::Dataset& examples,
                                    std::vector<uint8_t> member) const {
  const auto logits = answers(store, party, examples, stop);
  if (!logits) throw TrialStopped();
  return {.classes = examples.classes,
          .logits = {logits->begin(), logits->end()},
          .labels = {examples.labels.begin(), examples.labels.end()},
          .member = std::move(member)};
}

attacks::Signals AmiaTrial::signals(const Party& party, const data::Dataset& examples) const {
  return signals(party, examples, std::vector<uint8_t>(examples.size()));
}

}  // namespace archleak::sim
