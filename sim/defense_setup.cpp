#include "sim/defense_setup.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <map>

#include "server/selection.h"

namespace archleak::sim {
namespace {

using defenses::Guard;
using defenses::Transform;

int64_t cohort_size(const RunConfig& run) {
  return std::ssize(server::select_clients(run.coordinator.selection, run.clients, run.seed, 0));
}

/// Rounds in which the client that is selected most often takes part: known from the start, since the draw is keyed.
int64_t most_rounds(const RunConfig& run) {
  if (run.coordinator.selection.kind != server::SelectionKind::uniform) return run.coordinator.rounds;
  std::map<int64_t, int64_t> rounds;
  int64_t most = 0;
  for (int64_t round = 0; round < run.coordinator.rounds; ++round) {
    for (const int64_t client : server::select_clients(run.coordinator.selection, run.clients, run.seed, round)) {
      most = std::max(most, ++rounds[client]);
    }
  }
  return most;
}

/// What is in the clear although an update is not: a simulated client's own state travels with its tasks.
void check_client_state(Config& config, const RunConfig& run, const std::string& why) {
  if (run.training.carry_optimizer) {
    config.section("training").fail("carry_optimizer", "expected false " + why + ", got true");
  }
  if (run.protocol.batch_norm == BatchNormPolicy::local) {
    config.section("federation").fail("batch_norm", "expected \"average\" or \"batch\" " + why + ", got \"local\"");
  }
  if (run.defense.has(Transform::top_k) && run.defense.top_k.error_feedback) {
    config.section("defense.top_k").fail("error_feedback", "expected false " + why + ", got true");
  }
}

void check_clip_noise(Config& config, const RunConfig& run) {
  ConfigSection federation = config.section("federation");
  if (run.protocol.weighting != Weighting::uniform) {
    federation.fail("weighting",
                    "expected \"uniform\" with clip_noise, since the clip bounds what one client adds to an unweighted "
                    "mean, got \"samples\"");
  }
  if (run.protocol.batch_norm == BatchNormPolicy::average && !run.protocol.withhold_weights) {
    federation.fail(
        "batch_norm",
        "expected \"batch\" (or \"local\") with clip_noise, since statistics are sent without clip and noise, "
        "got \"average\"");
  }
  if (run.defense.clip_noise.guard == Guard::messages) {
    check_client_state(
        config, run,
        "with clip_noise against readers of messages, since what a simulated client keeps travels in them");
    return;
  }
  if (run.defense.transforms.back() != Transform::clip_noise) {
    config.section("defense").fail(
        "transforms",
        "expected clip_noise last with guard \"model\", since the noise of all clients must add "
        "up in the sum, got \"" +
            std::string(name_of(run.defense.transforms.back())) + "\" after it");
  }
  if (server::needs_single_updates(run.coordinator.robust)) {
    config.section("federation.robust")
        .fail("rule",
              "expected \"mean\" without norm_bound with clip_noise and guard \"model\", which is about the sum of the "
              "updates, got a rule on single ones");
  }
}

}  // namespace

void check_defenses(Config& config, const RunConfig& run) {
  if (!run.defense.transforms.empty() && run.protocol.protocol == Protocol::server_alpha) {
    config.section("defense").fail(
        "transforms",
        "expected none with protocol \"server_alpha\", whose clients send parts of a model and "
        "rewards, got some");
  }
  if (run.defense.has(Transform::clip_noise)) check_clip_noise(config, run);
  if (!run.protocol.secure_aggregation) return;
  check_client_state(config, run, "with secure_aggregation, since what a simulated client keeps travels in the clear");
  const auto& schedule = run.coordinator.schedule;
  if (schedule.deadline_s > 0 && schedule.min_results < run.protocol.secure_threshold) {
    config.section("federation.schedule")
        .fail("min_results",
              fmt::format("expected at least secure_threshold, {:.3f}, the share of clients that it takes to "
                          "unmask a round, got {:.3f}",
                          run.protocol.secure_threshold, schedule.min_results));
  }
}

std::optional<defenses::PrivacyPlan> privacy_plan(const RunConfig& run) {
  if (!run.defense.has(Transform::clip_noise)) return std::nullopt;
  return defenses::plan_privacy(run.defense,
                                {.clients = run.clients,
                                 .cohort = cohort_size(run),
                                 .sampled = run.coordinator.selection.kind == server::SelectionKind::uniform,
                                 .rounds = run.coordinator.rounds,
                                 .most_rounds = most_rounds(run)});
}

defenses::UpdateDefense update_defense(const RunConfig& run) {
  const auto plan = privacy_plan(run);
  return defenses::UpdateDefense(run.defense, plan ? plan->client_std() : 0);
}

std::vector<std::string> defenses_in_words(const RunConfig& run) {
  std::vector<std::string> words = describe_in_words(run.defense);
  if (const auto plan = privacy_plan(run)) {
    words.push_back(fmt::format("noise multiplier {:.4g}, standard deviation {:.4g} at each client",
                                plan->noise_multiplier, plan->client_std()));
  }
  if (run.protocol.secure_aggregation) {
    words.push_back(fmt::format("secure aggregation: masked updates, {:.3g} % of a round's clients unmask their sum",
                                100 * run.protocol.secure_threshold));
  }
  return words;
}

}  // namespace archleak::sim
