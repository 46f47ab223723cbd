#pragma once
#include <atomic>
#include <optional>
#include <vector>

#include "sim/experiments/amia_settings.h"
#include "sim/model_store.h"

namespace archleak::sim {

/// What a party (the target's owner, or the attacker with a shadow) searches and trains on.
struct PartyData {
  std::shared_ptr<const client::TrainingData> both;     ///< all examples, dealt to the clients
  std::shared_ptr<const client::TrainingData> weights;  ///< those alone that the search fits weights on
  std::vector<uint8_t> of_architecture;                 ///< [examples], 1: the search fits alpha on it
};

/// Deals `examples` to the clients of `search` and divides them as they do (client/training_data.h, split_locally).
PartyData divide(const RunConfig& search, data::Dataset examples);

/// How a party comes to its model.
struct Party {
  RunConfig search;
  RunConfig train;
  AmiaTarget model;
  PartyData data;
};

/// The target's owner; `seed` decides all that is drawn.
Party target_party(const AmiaSettings& settings, data::Dataset examples, uint64_t seed);

/// The attacker, who searches and trains as the owner does, but for the defences, unless he knows them.
Party shadow_party(const AmiaSettings& settings, data::Dataset examples, uint64_t seed);

/// Logits `[examples, classes]` of the party's model about `examples`; nothing when `stop` was set before.
std::optional<std::vector<float>> answers(const ModelStore& store, const Party& party, const data::Dataset& examples,
                                          const std::atomic<bool>& stop);

/// The same of a network of models/, trained on all of the party's examples.
std::optional<std::vector<float>> fixed_answers(const ModelStore& store, const Party& party, const std::string& network,
                                                const data::Dataset& examples, const std::atomic<bool>& stop);

/// What DP-SGD in all runs that the party's model comes from promises for each of its examples, by sequential
/// composition; nothing where one of them is without.
std::optional<double> party_epsilon(const Party& party);

}  // namespace archleak::sim
