#include "server/sampled_alpha.h"

#include <bit>

#include "core/bytes.h"
#include "server/alpha_sampling.h"

namespace archleak::server {
namespace {

constexpr double kBaselineDecay = 0.9;

}  // namespace

SampledAlpha::SampledAlpha(const Arena& arena, const OptimizerOptions& optimizer, uint64_t seed)
    : arena_(arena), seed_(seed), optimizer_(optimizer, arena.layout().alpha) {}

nas::Choice SampledAlpha::sub_network(int64_t round, int64_t client) const {
  return sample_choice(alpha_rows(arena_), seed_, round, client);
}

std::string SampledAlpha::instruction(int64_t round, int64_t client) const {
  return nas::encode(sub_network(round, client));
}

void SampledAlpha::learn(int64_t round, const std::map<int64_t, double>& reward_by_client) {
  if (reward_by_client.empty()) return;
  const auto rows = alpha_rows(arena_);
  std::vector<Reward> rewards;
  double mean = 0;
  for (const auto& [client, reward] : reward_by_client) {
    rewards.push_back({sample_choice(rows, seed_, round, client), reward});
    mean += reward;
  }
  mean /= static_cast<double>(rewards.size());
  // The first round has nothing to compare with but itself.
  baseline_ = round == 0 ? mean : kBaselineDecay * baseline_ + (1 - kBaselineDecay) * mean;
  optimizer_.step(arena_.segment(Segment::alpha), policy_gradient(rows, rewards, baseline_));
}

std::string SampledAlpha::save() const {
  ByteWriter writer;
  writer.text(optimizer_.save());
  writer.u64(std::bit_cast<uint64_t>(baseline_));
  return writer.take();
}

void SampledAlpha::load(std::string_view bytes) {
  ByteReader reader(bytes, "alpha on the server");
  const auto optimizer = reader.text();
  const auto baseline = reader.u64();
  reader.expect_end();
  optimizer_.load(optimizer);
  baseline_ = std::bit_cast<double>(baseline);
}

}  // namespace archleak::server
