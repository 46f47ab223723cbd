// What of a coordinator outlasts a round: the state to go back to, and checkpoints.
#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <cstring>

#include "core/bytes.h"
#include "core/error.h"
#include "core/hash.h"
#include "server/checkpoint.h"
#include "server/coordinator.h"

namespace archleak::server {
namespace {

std::string hash_of(const std::string& text) {
  return to_hex(sha256(text.data(), text.size()));
}

}  // namespace

void Coordinator::remember() {
  const auto values = std::as_const(arena_).floats();
  previous_ = Remembered{.arena = {values.begin(), values.end()},
                         .optimizers = update_.save(),
                         .strategy = strategy_->save(),
                         .client_states = client_states_,
                         .privacy = privacy_ ? privacy_->save() : std::string()};
}

void Coordinator::roll_back() {
  if (!previous_) return;
  std::copy(previous_->arena.begin(), previous_->arena.end(), arena_.floats().begin());
  update_.load(previous_->optimizers);
  strategy_->load(previous_->strategy);
  client_states_ = previous_->client_states;
  if (privacy_) privacy_->load(previous_->privacy);
  previous_ = {};
}

void Coordinator::save() {
  observer_.before_checkpoint();
  const auto values = std::as_const(arena_).floats();
  ByteWriter coordinator;
  coordinator.u64(epoch_);
  Checkpoint checkpoint{.seed = plan_.seed,
                        .round = round_,
                        .layout = arena_.layout().fingerprint(),
                        .config_hash = hash_of(plan_.config),
                        .sections = {},
                        .clients = client_states_};
  checkpoint.sections["arena"] = std::string(reinterpret_cast<const char*>(values.data()), values.size_bytes());
  checkpoint.sections["optimizers"] = update_.save();
  checkpoint.sections["coordinator"] = coordinator.take();
  checkpoint.sections["strategy"] = strategy_->save();
  if (privacy_) checkpoint.sections["accountant"] = privacy_->save();
  CheckpointFolder(checkpoints_, options_.keep_checkpoints).save(checkpoint);
}

void Coordinator::restore() {
  const auto checkpoint =
      CheckpointFolder(checkpoints_, options_.keep_checkpoints).latest(arena_.layout().fingerprint());
  if (!checkpoint) return;
  if (checkpoint->config_hash != hash_of(plan_.config) || checkpoint->seed != plan_.seed) {
    throw CheckpointError(checkpoints_.string() + ": expected a checkpoint of this configuration, got one of another");
  }
  const auto section = [&](const char* name) -> const std::string& {
    const auto found = checkpoint->sections.find(name);
    if (found == checkpoint->sections.end()) {
      throw CheckpointError(fmt::format("{}: expected a section '{}', got none", checkpoints_.string(), name));
    }
    return found->second;
  };
  auto values = arena_.floats();
  const std::string& bytes = section("arena");
  if (bytes.size() != values.size_bytes()) {
    throw CheckpointError(fmt::format("{}: expected {} bytes of model, got {}", checkpoints_.string(),
                                      values.size_bytes(), bytes.size()));
  }
  std::memcpy(values.data(), bytes.data(), bytes.size());
  update_.load(section("optimizers"));
  ByteReader coordinator(section("coordinator"), checkpoints_.string());
  epoch_ = coordinator.u64() + 1;
  coordinator.expect_end();
  strategy_->load(section("strategy"));
  if (privacy_) privacy_->load(section("accountant"));
  client_states_ = checkpoint->clients;
  round_ = checkpoint->round;
}

}  // namespace archleak::server
