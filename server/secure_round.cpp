#include "server/secure_round.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "defenses/secure_messages.h"

namespace archleak::server {
namespace {

/// The ring's numbers are unsigned; int64 has the same bytes.
std::span<uint64_t> as_ring(std::vector<int64_t>& values) {
  return {reinterpret_cast<uint64_t*>(values.data()), values.size()};
}

int64_t threshold_of(double share, size_t clients) {
  // The margin keeps two thirds of nine clients at six.
  return std::max<int64_t>(1, static_cast<int64_t>(std::ceil(share * static_cast<double>(clients) - 1e-9)));
}

}  // namespace

SecureRound::SecureRound(const SecureRoundOptions& options, int64_t round, std::span<const int64_t> clients)
    : options_(options), sum_(static_cast<size_t>(options.update_size)) {
  roster_.session = options.session;
  roster_.round = round;
  roster_.threshold = threshold_of(options.protocol.secure_threshold, clients.size());
  for (const int64_t client : clients) {
    const auto secrets = defenses::simulated_secrets(options.seed, options.session, round, client);
    roster_.participants.push_back(defenses::introduce(client, secrets));
  }
}

void SecureRound::expect_enough(size_t clients, const char* what) const {
  if (static_cast<int64_t>(clients) >= roster_.threshold) return;
  throw Error(fmt::format("round {}: secure aggregation: expected at least {} of {} clients that {}, got {}",
                          roster_.round, roster_.threshold, roster_.participants.size(), what, clients));
}

bool SecureRound::run(WorkerPool& pool, const Phase& training, wire::TaskKind kind, std::span<const int64_t> clients,
                      const std::function<std::string(int64_t)>& instruct, const Take& take,
                      const std::atomic<bool>& stop) {
  Phase phase = training;
  phase.kind = kind;
  phase.model_per_task = false;
  phase.make_task = [&](const Assignment& assignment) {
    return wire::Task{.task = assignment.task,
                      .attempt = assignment.attempt,
                      .round = roster_.round,
                      .kind = kind,
                      .client = assignment.client,
                      .instruction = instruct(assignment.client),
                      .client_state = {}};
  };
  phase.take_outcome = [&](const wire::Outcome& outcome) -> std::optional<std::string> {
    try {
      take(outcome);
    } catch (const ProtocolError& error) {
      return error.what();
    }
    return std::nullopt;
  };
  phase.on_progress = [](int64_t, int64_t) {};
  std::vector<TaskSpec> tasks;
  for (const int64_t client : clients)
    tasks.push_back({.id = static_cast<TaskId>(client), .client = client, .size = 0});
  // A round's deadline is for its training.
  ScheduleOptions schedule = options_.schedule;
  schedule.deadline_s = 0;
  const PhaseResult result =
      run_phase(pool, Schedule(std::move(tasks), schedule, Fidelity::wire, steady_seconds()), phase, stop);
  counts_.lost += result.counts.lost;
  counts_.reassigned += result.counts.reassigned;
  return !result.interrupted;
}

bool SecureRound::share_keys(WorkerPool& pool, const Phase& training, const std::atomic<bool>& stop) {
  std::vector<int64_t> clients;
  for (const auto& participant : roster_.participants) clients.push_back(participant.client);
  const std::string instruction = defenses::encode_instruction({.roster = roster_});
  const auto take = [&](const wire::Outcome& outcome) {
    auto sealed = defenses::decode_sealed(outcome.answer);
    if (sealed.size() != clients.size()) {
      throw ProtocolError(fmt::format("expected sealed shares for {} clients, got {}", clients.size(), sealed.size()));
    }
    sealed_[outcome.client] = std::move(sealed);
  };
  if (!run(
          pool, training, wire::TaskKind::share_keys, clients, [&](int64_t) { return instruction; }, take, stop)) {
    return false;
  }
  for (const auto& [client, sealed] : sealed_) members_.push_back(client);
  expect_enough(members_.size(), "share their keys");
  return true;
}

std::string SecureRound::masking_instruction(std::string training) const {
  return defenses::encode_instruction({.roster = roster_, .members = members_, .training = std::move(training)});
}

std::optional<std::string> SecureRound::add(const wire::Outcome& outcome) {
  if (!outcome.masked) return "expected a masked update, got a plain one";
  const auto values = outcome.update.integers();
  if (values.size() != sum_.size()) return fmt::format("expected {} values, got {}", sum_.size(), values.size());
  const int64_t weight = update_weight(options_.protocol.weighting, outcome.weight);
  if (__builtin_add_overflow(weight_, weight, &weight_)) throw Error("secure aggregation: weights beyond 63 bits");
  const auto ring = as_ring(sum_);
  for (size_t i = 0; i < ring.size(); ++i) ring[i] += static_cast<uint64_t>(values[i]);
  survivors_.insert(std::upper_bound(survivors_.begin(), survivors_.end(), outcome.client), outcome.client);
  return std::nullopt;
}

std::string SecureRound::revealing_instruction(int64_t client) const {
  const size_t place = roster_.place(client);
  std::vector<std::string> sealed;
  for (const int64_t member : members_) sealed.push_back(sealed_.at(member)[place]);
  return defenses::encode_instruction(
      {.roster = roster_, .members = members_, .survivors = survivors_, .sealed = std::move(sealed)});
}

bool SecureRound::unmask(WorkerPool& pool, const Phase& training, const std::atomic<bool>& stop) {
  expect_enough(survivors_.size(), "send an update");
  std::map<int64_t, defenses::Revealed> revealed;
  const auto take = [&](const wire::Outcome& outcome) {
    auto shares = defenses::decode_shares(outcome.answer);
    if (shares.size() != members_.size()) {
      throw ProtocolError(fmt::format("expected shares of {} members, got {}", members_.size(), shares.size()));
    }
    revealed[outcome.client] = {outcome.client, std::move(shares)};
  };
  const auto instruct = [this](int64_t client) { return revealing_instruction(client); };
  if (!run(pool, training, wire::TaskKind::reveal, survivors_, instruct, take, stop)) return false;
  expect_enough(revealed.size(), "reveal their shares");
  std::vector<defenses::Revealed> all;
  for (auto& [client, shares] : revealed) all.push_back(std::move(shares));
  defenses::unmask(as_ring(sum_), roster_, members_, survivors_, all);
  return true;
}

}  // namespace archleak::server
