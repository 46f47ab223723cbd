#include "defenses/dp_sgd.h"

#include <spdlog/fmt/fmt.h>

#include <set>

#include "core/bytes.h"
#include "core/error.h"

namespace archleak::defenses {
namespace {

/// Sampling rate and number of steps in all; equal ones need one account.
using Uses = std::set<std::pair<double, int64_t>>;

void add_use(Uses& uses, const LocalSteps& local, int64_t rounds) {
  if (local.steps * rounds > 0) uses.emplace(local.sampling_rate, local.steps * rounds);
}

/// The least multiplier that is enough for all.
double calibrate(const Uses& uses, double epsilon, double delta, double otherwise) {
  double multiplier = 0;
  for (const auto& [rate, steps] : uses) {
    RdpAccountant accountant;
    accountant.record(multiplier, rate, steps);
    if (accountant.spent(delta).epsilon <= epsilon) continue;
    multiplier = calibrate_noise(epsilon, delta, rate, steps);
  }
  return uses.empty() ? otherwise : multiplier;
}

}  // namespace

DpSgdPlan plan_dp_sgd(const DpSgdOptions& options, std::vector<ClientSchedule> clients,
                      std::vector<int64_t> alpha_turns) {
  DpSgdPlan plan{.weights = {options.clip, options.noise_multiplier},
                 .alpha = {options.alpha_clip, options.alpha_noise_multiplier},
                 .delta = options.delta,
                 .alpha_turns = std::move(alpha_turns),
                 .clients = std::move(clients)};
  if (options.target_epsilon == 0) return plan;
  Uses weights, alpha;
  for (const auto& client : plan.clients) {
    add_use(weights, client.weights, client.rounds);
    add_use(alpha, client.alpha, client.alpha_turns);
  }
  plan.weights.noise_multiplier =
      calibrate(weights, options.target_epsilon, options.delta, plan.weights.noise_multiplier);
  plan.alpha.noise_multiplier = calibrate(alpha, options.target_epsilon, options.delta, plan.alpha.noise_multiplier);
  return plan;
}

ExampleLedger::ExampleLedger(DpSgdPlan plan) : plan_(std::move(plan)) {}

void ExampleLedger::count_round(int64_t round, std::span<const int64_t> selected, int64_t) {
  for (const int64_t client : selected) {
    if (client < 0 || client >= std::ssize(plan_.clients)) {
      throw Error(
          fmt::format("privacy ledger: expected clients 0 to {}, got {}", std::ssize(plan_.clients) - 1, client));
    }
    Rounds& rounds = rounds_[client];
    ++rounds.all;
    rounds.alpha_turns += round < std::ssize(plan_.alpha_turns) ? plan_.alpha_turns[round] : 1;
  }
}

PrivacySpent ExampleLedger::spent() const {
  Uses weights, alpha;
  for (const auto& [client, rounds] : rounds_) {
    add_use(weights, plan_.clients[client].weights, rounds.all);
    add_use(alpha, plan_.clients[client].alpha, rounds.alpha_turns);
  }
  PrivacySpent most;
  const auto account = [&](const Uses& uses, double noise_multiplier) {
    for (const auto& [rate, steps] : uses) {
      auto& step = step_rdp_[{rate, noise_multiplier}];
      if (step.empty()) step = sampled_gaussian_rdp(rate, noise_multiplier);
      std::vector<double> rdp(step.size());
      for (size_t i = 0; i < rdp.size(); ++i) rdp[i] = static_cast<double>(steps) * step[i];
      const PrivacySpent spent = to_epsilon(rdp, plan_.delta);
      if (spent.epsilon >= most.epsilon) most = spent;
    }
  };
  account(weights, plan_.weights.noise_multiplier);
  account(alpha, plan_.alpha.noise_multiplier);
  return most;
}

std::string ExampleLedger::save() const {
  ByteWriter writer;
  writer.u64(rounds_.size());
  for (const auto& [client, rounds] : rounds_) {
    writer.i64(client);
    writer.i64(rounds.all);
    writer.i64(rounds.alpha_turns);
  }
  return writer.take();
}

void ExampleLedger::load(std::string_view bytes) {
  ByteReader reader(bytes, "privacy ledger");
  std::map<int64_t, Rounds> loaded;
  const uint64_t clients = reader.u64();
  for (uint64_t i = 0; i < clients; ++i) {
    const int64_t client = reader.i64();
    const int64_t all = reader.i64();
    const Rounds rounds{.all = all, .alpha_turns = reader.i64()};
    const bool fits = client >= 0 && client < std::ssize(plan_.clients) && rounds.all >= 1 && rounds.alpha_turns >= 0;
    if (!fits || !loaded.emplace(client, rounds).second) {
      reader.fail("a client with its rounds", "a repetition, a bad count or an unknown client");
    }
  }
  reader.expect_end();
  rounds_ = std::move(loaded);
}

}  // namespace archleak::defenses
