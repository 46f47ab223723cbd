#pragma once
#include <string>
#include <utility>
#include <vector>

#include "sim/attack/attack_run.h"

namespace archleak::sim {

/// What the attacker sees, knows and does, in words, name by name: of a run and a request to attack what was captured
/// of it.
std::vector<std::pair<std::string, std::string>> threat_model(const RunConfig& run, const AttackRequest& request);

}  // namespace archleak::sim
