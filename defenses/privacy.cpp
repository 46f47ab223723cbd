#include "defenses/privacy.h"

#include <algorithm>
#include <cmath>

#include "core/bytes.h"

namespace archleak::defenses {

double PrivacyPlan::client_std() const {
  const double sum_std = noise_multiplier * clip;
  return guard == Guard::messages ? sum_std : sum_std / std::sqrt(static_cast<double>(cohort));
}

std::optional<PrivacyPlan> plan_privacy(const DefenseOptions& options, const Participation& participation) {
  if (!options.has(Transform::clip_noise)) return std::nullopt;
  const auto& chosen = options.clip_noise;
  PrivacyPlan plan{.guard = chosen.guard,
                   .clip = chosen.clip,
                   .noise_multiplier = chosen.noise_multiplier,
                   .delta = chosen.delta,
                   .sampling_rate = 1,
                   .cohort = participation.cohort};
  const bool amplified = chosen.guard == Guard::model && participation.sampled;
  if (amplified) {
    plan.sampling_rate = static_cast<double>(participation.cohort) / static_cast<double>(participation.clients);
  }
  if (chosen.target_epsilon > 0) {
    const int64_t steps = chosen.guard == Guard::messages ? participation.most_rounds : participation.rounds;
    plan.noise_multiplier = calibrate_noise(chosen.target_epsilon, chosen.delta, plan.sampling_rate, steps);
  }
  return plan;
}

void ParticipationLedger::count_round(int64_t, std::span<const int64_t> selected, int64_t counted) {
  if (plan_.guard == Guard::messages) {
    for (const int64_t client : selected) ++sent_in_[client];
    return;
  }
  const double share = static_cast<double>(counted) / static_cast<double>(plan_.cohort);
  rounds_.record(plan_.noise_multiplier * std::sqrt(share), plan_.sampling_rate);
}

PrivacySpent ParticipationLedger::spent() const {
  if (plan_.guard == Guard::model) return rounds_.spent(plan_.delta);
  int64_t most = 0;
  for (const auto& [client, rounds] : sent_in_) most = std::max(most, rounds);
  RdpAccountant messages;
  messages.record(plan_.noise_multiplier, plan_.sampling_rate, most);
  return messages.spent(plan_.delta);
}

std::string ParticipationLedger::save() const {
  ByteWriter writer;
  writer.text(rounds_.save());
  writer.u64(sent_in_.size());
  for (const auto& [client, rounds] : sent_in_) {
    writer.i64(client);
    writer.i64(rounds);
  }
  return writer.take();
}

void ParticipationLedger::load(std::string_view bytes) {
  ByteReader reader(bytes, "privacy ledger");
  RdpAccountant rounds;
  rounds.load(reader.text());
  std::map<int64_t, int64_t> sent_in;
  const uint64_t clients = reader.u64();
  for (uint64_t i = 0; i < clients; ++i) {
    const int64_t client = reader.i64();
    const int64_t count = reader.i64();
    if (count < 1 || !sent_in.emplace(client, count).second) {
      reader.fail("a client with its rounds", "a repetition or a bad count");
    }
  }
  reader.expect_end();
  rounds_ = std::move(rounds);
  sent_in_ = std::move(sent_in);
}

}  // namespace archleak::defenses
