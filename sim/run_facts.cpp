#include "sim/run_facts.h"

#include <nlohmann/json.hpp>

#include "core/error.h"

namespace archleak::sim {
namespace {

/// Calls visit(name, member) for every field, in the order of the header.
template <typename Facts, typename Visit>
void for_each_field(Facts& facts, Visit&& visit) {
  visit("name", facts.name);
  visit("version", facts.version);
  visit("workload", facts.workload);
  visit("data", facts.data);
  visit("network", facts.network);
  visit("device", facts.device);
  visit("seed", facts.seed);
  visit("rounds", facts.rounds);
  visit("clients", facts.clients);
  visit("clients_per_round", facts.clients_per_round);
  visit("workers", facts.workers);
  visit("protocol", facts.protocol);
  visit("fidelity", facts.fidelity);
  visit("transport", facts.transport);
  visit("curve", facts.curve);
  visit("batch_size", facts.batch_size);
  visit("local_epochs", facts.local_epochs);
  visit("max_local_steps", facts.max_local_steps);
  visit("batch_norm", facts.batch_norm);
  visit("defenses", facts.defenses);
}

}  // namespace

nlohmann::ordered_json to_json(const RunFacts& facts) {
  nlohmann::ordered_json json;
  for_each_field(facts, [&](const char* name, const auto& value) { json[name] = value; });
  return json;
}

RunFacts facts_from_json(const nlohmann::ordered_json& json, const std::string& where) {
  RunFacts facts;
  for_each_field(facts, [&](const char* name, auto& value) {
    if (!json.contains(name)) return;
    try {
      json.at(name).get_to(value);
    } catch (const nlohmann::json::exception&) {
      throw DataError(where + ": " + name + ": expected another type, got " + json.at(name).dump().substr(0, 40));
    }
  });
  return facts;
}

}  // namespace archleak::sim
