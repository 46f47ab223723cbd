#include "sim/experiments/amia_models.h"

#include "core/random.h"
#include "nas/genotype.h"
#include "sim/defense_setup.h"

namespace archleak::sim {
namespace {

/// Seeds of runs are below 2^53, so that TOML keeps them.
uint64_t run_seed(uint64_t seed, const std::string& purpose, int64_t index) {
  return derive_seed({.seed = seed, .purpose = purpose, .index = index}) >> 11;
}

Party make_party(const AmiaSettings& settings, data::Dataset examples, data::Dataset reference, uint64_t seed,
                 const std::string& name, int64_t index = 0) {
  Party party{.search = settings.search,
              .train = settings.train,
              .model = settings.target,
              .fixed_network = {},
              .distil = settings.distil,
              .data = {},
              .reference = std::move(reference)};
  party.search.data = party.train.data = settings.data;
  party.search.seed = run_seed(seed, name + " search", index);
  party.train.seed = run_seed(seed, name + " training", index);
  party.data = divide(party.search, std::move(examples));
  return party;
}

/// What the derived network is trained on; under adversarial regularisation with the reference part, which is dealt to
/// the clients in turn and which the network is never trained on.
std::shared_ptr<const client::TrainingData> training_data(const Party& party) {
  const auto& own = party.model == AmiaTarget::derived_both ? party.data.both : party.data.weights;
  return party.train.defense.adversarial.enabled ? with_reference(*own, party.reference) : own;
}

/// What is left is the run that has never had any: group normalisation is there for DP-SGD.
void remove_defenses(RunConfig& run) {
  if (run.defense.dp_sgd.enabled) run.protocol.batch_norm = ProtocolOptions().batch_norm;
  run.defense = {};
  run.search.alpha_l2 = 0;
}

}  // namespace

PartyData divide(const RunConfig& search, data::Dataset examples) {
  PartyData result;
  result.both = make_training_data(search, std::move(examples));
  result.of_architecture.resize(result.both->splits.train.size());
  auto weights = std::make_shared<client::TrainingData>(*result.both);
  std::vector<int64_t> places;
  for (size_t client = 0; client < result.both->partition.size(); ++client) {
    const auto split = client::split_locally(result.both->partition[client], search.search.valid_share, search.seed,
                                             static_cast<int64_t>(client));
    for (const int64_t place : split.valid) result.of_architecture[place] = 1;
    auto& own = weights->partition[client];
    own.clear();
    for (const int64_t place : split.train) {
      own.push_back(std::ssize(places));
      places.push_back(place);
    }
  }
  weights->splits.train = data::subset(result.both->splits.train, places);
  result.weights = weights;
  return result;
}

Party target_party(const AmiaSettings& settings, AmiaParts& parts, uint64_t seed) {
  return make_party(settings, std::move(parts.target), std::move(parts.reference), seed, "amia target");
}

Party shadow_party(const AmiaSettings& settings, const AmiaParts& parts, uint64_t seed, int64_t shadow) {
  AmiaSettings known = settings;
  if (!settings.attack.knows_defense) {
    remove_defenses(known.search);
    remove_defenses(known.train);
    known.distil = false;
  }
  data::Dataset examples = parts.shadow;
  data::append(examples, parts.shadow_nonmembers);
  examples = data::subset(examples, shadow_places(parts, shadow, seed));
  Party party = make_party(known, std::move(examples), parts.shadow_reference, seed, "amia shadow", shadow);
  if (settings.attack.shadow == AmiaShadow::fixed) {
    party.fixed_network = settings.attack.shadow_network;
    party.model = AmiaTarget::derived_both;
  }
  return party;
}

std::optional<std::vector<float>> answers(const ModelStore& store, const Party& party, const data::Dataset& examples,
                                          const std::atomic<bool>& stop) {
  if (party.model == AmiaTarget::supernet) return store.answers(party.search, party.data.both, examples, stop);
  RunConfig train = party.train;
  if (party.fixed_network.empty()) {
    const auto searched = store.model(party.search, party.data.both, stop);
    if (!searched) return std::nullopt;
    train.network.genotype = nas::to_json(derive_genotype(party.search, *searched).value());
  } else {
    train.network = {.name = party.fixed_network};
  }
  const auto data = training_data(party);
  return party.distil ? store.student_answers(train, data, party.reference, examples, stop)
                      : store.answers(train, data, examples, stop);
}

std::optional<double> party_epsilon(const Party& party) {
  const auto searched = dp_sgd_epsilon(party.search, *party.data.both);
  if (!searched || party.model == AmiaTarget::supernet) return searched;
  const auto trained = dp_sgd_epsilon(party.train, *training_data(party));
  if (!trained) return std::nullopt;
  return *searched + *trained;
}

}  // namespace archleak::sim
