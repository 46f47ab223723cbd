#include "sim/defense_setup.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <map>

#include "server/selection.h"

namespace archleak::sim {
namespace {

using defenses::Guard;
using defenses::Transform;

bool searches_by(const RunConfig& run, nas::Strategy strategy) {
  return run.workload == WorkloadKind::search && run.strategy.kind == strategy;
}

/// Whether clients are asked how many of their validation examples sub-networks classify right.
bool ranks_by_counts(const RunConfig& run) {
  return searches_by(run, nas::Strategy::enas) || searches_by(run, nas::Strategy::smash);
}

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
void check_client_state(ConfigSection config, const RunConfig& run, const std::string& why) {
  if (run.training.carry_optimizer) {
    config.section("training").fail("carry_optimizer", "expected false " + why + ", got true");
  }
  if (run.protocol.batch_norm == BatchNormPolicy::local) {
    config.section("federation").fail("batch_norm", "expected \"average\" or \"batch\" " + why + ", got \"local\"");
  }
  if (run.defense.has(Transform::top_k) && run.defense.top_k.error_feedback) {
    config.section("defense.top_k").fail("error_feedback", "expected false " + why + ", got true");
  }
  if (run.defense.adversarial.enabled) {
    config.section("defense.adversarial").fail("enabled", "expected false " + why + ", got true");
  }
}

void check_clip_noise(ConfigSection config, const RunConfig& run) {
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

void check_dp_sgd(ConfigSection config, const RunConfig& run) {
  if (run.defense.has(Transform::clip_noise)) {
    config.section("defense.dp_sgd")
        .fail("enabled",
              "expected false with the transform clip_noise, since a run has one account of one guarantee, got true");
  }
  if (run.protocol.protocol == Protocol::server_alpha && !searches_by(run, nas::Strategy::enas)) {
    config.section("federation")
        .fail("protocol",
              "expected \"gradient\", \"delta\" or \"weights\" with defense.dp_sgd, got \"server_alpha\", whose "
              "rewards would tell of examples without noise (those of search.strategy \"enas\" get it)");
  }
  if (run.workload == WorkloadKind::search && run.architect.order != nas::ArchitectureOrder::first) {
    config.section("search").fail("order",
                                  "expected \"first\" with defense.dp_sgd, which takes alpha's gradient on the "
                                  "validation part alone, got another");
  }
}

void check_distillation(ConfigSection config, const RunConfig& run) {
  ConfigSection section = config.section("defense.distillation");
  if (run.workload != WorkloadKind::train) {
    section.fail("teacher", "expected none in a search run, which needs labels for alpha and weights, got \"" +
                                run.defense.distillation.teacher + "\"");
  }
  if (run.defense.dp_sgd.enabled && run.defense.distillation.entropy_quantile < 1) {
    section.fail("entropy_quantile",
                 "expected 1 with defense.dp_sgd, since which examples are kept would tell of the others without "
                 "noise, got less");
  }
}

void check_adversarial(ConfigSection config, const RunConfig& run) {
  ConfigSection section = config.section("defense.adversarial");
  if (run.workload != WorkloadKind::train) {
    section.fail("enabled",
                 "expected false in a search run, got true: it defends the answers of a network that is given out");
  }
  if (run.protocol.protocol == Protocol::gradient) {
    config.section("federation")
        .fail("protocol",
              "expected \"delta\" or \"weights\" with defense.adversarial, whose two players take steps in turn at the "
              "client, got \"gradient\"");
  }
  if (run.defense.dp_sgd.enabled) {
    section.fail("enabled",
                 "expected false with defense.dp_sgd, since the inference network learns from examples without clip "
                 "and noise, got true");
  }
  if (!run.defense.distillation.teacher.empty()) {
    section.fail(
        "enabled",
        "expected false with defense.distillation, whose student has no labels to show an adversary, got true");
  }
}

/// By round, how often clients take steps on alpha, or are asked for counts.
std::vector<int64_t> alpha_turns(const RunConfig& run) {
  const int64_t rounds = run.coordinator.rounds;
  if (searches_by(run, nas::Strategy::enas)) {
    std::vector<int64_t> questions(rounds, run.strategy.enas.controller_steps);
    ++questions.back();  // for the best of the candidates
    return questions;
  }
  if (searches_by(run, nas::Strategy::smash)) {
    std::vector<int64_t> questions(rounds, 0);
    questions.back() = run.strategy.smash.perturbed > 0 ? 2 : 1;
    return questions;
  }
  const int64_t stages = searches_by(run, nas::Strategy::pdarts) ? run.strategy.pdarts.stages() : 1;
  std::vector<int64_t> turns;
  for (int64_t round = 0; round < rounds; ++round) {
    const int64_t first = nas::first_round_of(nas::stage_of(round, rounds, stages), rounds, stages);
    turns.push_back(nas::alpha_moves(round, first, run.search.warmup_rounds) ? 1 : 0);
  }
  return turns;
}

/// How often each client takes part, and how often alpha has its turn in that.
void count_rounds(const RunConfig& run, const std::vector<int64_t>& turns,
                  std::vector<defenses::ClientSchedule>& clients) {
  for (int64_t round = 0; round < run.coordinator.rounds; ++round) {
    for (const int64_t client :
         server::select_clients(run.coordinator.selection, std::ssize(clients), run.seed, round)) {
      ++clients[client].rounds;
      clients[client].alpha_turns += turns[round];
    }
  }
}

/// What a client with `examples` examples does in a round.
defenses::ClientSchedule schedule_of(const RunConfig& run, int64_t examples) {
  const bool search = run.workload == WorkloadKind::search;
  const int64_t valid = search ? client::validation_size(examples, run.search.valid_share) : 0;
  const int64_t train = examples - valid;
  if (train < 1) return {};  // it cannot train
  const int64_t batch_size = run.training.batch_size;
  const int64_t steps =
      client::local_steps(run.training, run.protocol.protocol, client::batches_in_pass(train, batch_size));
  defenses::ClientSchedule schedule;
  if (!run.protocol.withhold_weights) schedule.weights = {client::sampling_rate(train, batch_size), steps};
  if (search) schedule.alpha = {client::sampling_rate(valid, batch_size), steps};
  if (ranks_by_counts(run)) schedule.alpha = {1, 1};  // all examples are counted, once a question
  return schedule;
}

}  // namespace

void check_defenses(ConfigSection config, const RunConfig& run) {
  if (!run.defense.transforms.empty() && run.protocol.protocol == Protocol::server_alpha) {
    config.section("defense").fail(
        "transforms",
        "expected none with protocol \"server_alpha\", whose clients send parts of a model and "
        "rewards, got some");
  }
  if (run.defense.has(Transform::clip_noise)) check_clip_noise(config, run);
  if (run.defense.dp_sgd.enabled) check_dp_sgd(config, run);
  if (!run.defense.distillation.teacher.empty()) check_distillation(config, run);
  if (run.defense.adversarial.enabled) check_adversarial(config, run);
  if (run.search.alpha_l2 > 0 && run.protocol.protocol == Protocol::server_alpha) {
    config.section("search").fail("alpha_l2",
                                  "expected 0 with protocol \"server_alpha\", whose clients have no alpha, got more");
  }
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

std::optional<defenses::DpSgdPlan> dp_sgd_plan(const RunConfig& run, std::span<const int64_t> client_sizes) {
  if (!run.defense.dp_sgd.enabled) return std::nullopt;
  std::vector<defenses::ClientSchedule> clients;
  for (const int64_t examples : client_sizes) clients.push_back(schedule_of(run, examples));
  auto turns = alpha_turns(run);
  count_rounds(run, turns, clients);
  return defenses::plan_dp_sgd(run.defense.dp_sgd, std::move(clients), std::move(turns));
}

std::optional<double> dp_sgd_epsilon(const RunConfig& run, const client::TrainingData& data) {
  std::vector<int64_t> sizes;
  for (const auto& indices : data.partition) sizes.push_back(std::ssize(indices));
  const auto plan = dp_sgd_plan(run, sizes);
  if (!plan) return std::nullopt;
  defenses::ExampleLedger ledger(*plan);
  for (int64_t round = 0; round < run.coordinator.rounds; ++round) {
    const auto selected =
        server::select_clients(run.coordinator.selection, std::ssize(data.partition), run.seed, round);
    ledger.count_round(round, selected, std::ssize(selected));
  }
  return ledger.spent().epsilon;
}

defenses::UpdateDefense update_defense(const RunConfig& run) {
  const auto plan = privacy_plan(run);
  return defenses::UpdateDefense(run.defense, plan ? plan->client_std() : 0);
}

std::vector<std::string> defenses_in_words(const RunConfig& run, const std::optional<defenses::DpSgdPlan>& dp_sgd) {
  std::vector<std::string> words = describe_in_words(run.defense);
  if (const auto plan = privacy_plan(run)) {
    words.push_back(fmt::format("noise multiplier {:.4g}, standard deviation {:.4g} at each client",
                                plan->noise_multiplier, plan->client_std()));
  }
  if (dp_sgd) {
    words.push_back(fmt::format("noise multiplier {:.4g}", dp_sgd->weights.noise_multiplier));
    if (ranks_by_counts(run)) {
      words.back() += fmt::format("; of counts of right answers {:.4g}", dp_sgd->alpha.noise_multiplier);
    } else if (run.workload == WorkloadKind::search) {
      words.back() +=
          fmt::format("; of alpha {:.4g}, with clip {}", dp_sgd->alpha.noise_multiplier, dp_sgd->alpha.clip);
    }
  }
  if (run.protocol.secure_aggregation) {
    words.push_back(fmt::format("secure aggregation: masked updates, {:.3g} % of a round's clients unmask their sum",
                                100 * run.protocol.secure_threshold));
  }
  return words;
}

}  // namespace archleak::sim
