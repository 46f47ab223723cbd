#pragma once
#include <atomic>
#include <optional>
#include <string>
#include <vector>

#include "sim/experiments/amia_parts.h"
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
  AmiaTarget model = AmiaTarget::derived_both;
  std::string fixed_network;  ///< of models/, trained on all of the examples; empty: the searched one
  bool distil = false;        ///< the model is a student of that one
  PartyData data;
  data::Dataset reference;  ///< what a student learns from, or an adversary's non-members
};

/// The target's owner; `seed` decides all that is drawn. The party's examples are taken out of `parts`.
Party target_party(const AmiaSettings& settings, AmiaParts& parts, uint64_t seed);

/// The attacker with shadow number `shadow`, who searches (unless the shadow is fixed) and trains as the owner does,
/// but for the defences, unless he knows them: what is left without DP-SGD normalises over batches. The examples are
/// those of `shadow_places`.
Party shadow_party(const AmiaSettings& settings, const AmiaParts& parts, uint64_t seed, int64_t shadow = 0);

/// Logits `[examples, classes]` of the party's model about `examples`; nothing when `stop` was set before.
std::optional<std::vector<float>> answers(const ModelStore& store, const Party& party, const data::Dataset& examples,
                                          const std::atomic<bool>& stop);

/// What DP-SGD in all runs that the party's model comes from promises for each of its examples, by sequential
/// composition; nothing where one of them is without.
std::optional<double> party_epsilon(const Party& party);

}  // namespace archleak::sim
