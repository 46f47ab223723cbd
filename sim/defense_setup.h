#pragma once
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "client/training_data.h"
#include "core/config.h"
#include "defenses/dp_sgd.h"
#include "defenses/privacy.h"
#include "defenses/update_transform.h"
#include "sim/run_config.h"

namespace archleak::sim {

/// Throws ConfigError, at the key that must change, where the run's other options contradict its defences: where a
/// guarantee would not hold, or something in the clear would undo it.
void check_defenses(ConfigSection config, const RunConfig& run);

/// What clip_noise guarantees in this run; nothing without it. Throws ConfigError for a target that cannot be met.
std::optional<defenses::PrivacyPlan> privacy_plan(const RunConfig& run);

/// What DP-SGD guarantees in this run, whose clients have so many examples; nothing without it. Throws ConfigError for
/// a target that cannot be met.
std::optional<defenses::DpSgdPlan> dp_sgd_plan(const RunConfig& run, std::span<const int64_t> client_sizes);

/// Epsilon of DP-SGD after the whole run, for each example of its clients; nothing without it. Throws as dp_sgd_plan.
std::optional<double> dp_sgd_epsilon(const RunConfig& run, const client::TrainingData& data);

/// What the run's clients do to their updates.
defenses::UpdateDefense update_defense(const RunConfig& run);

/// The defences in force, for people: one line each. `dp_sgd` is the run's plan, if it has one.
std::vector<std::string> defenses_in_words(const RunConfig& run, const std::optional<defenses::DpSgdPlan>& dp_sgd = {});

}  // namespace archleak::sim
