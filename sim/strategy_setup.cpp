#include "sim/strategy_setup.h"

#include <spdlog/fmt/fmt.h>

#include "server/enas_search.h"
#include "server/progressive_search.h"
#include "server/sampled_alpha.h"
#include "server/smash_search.h"

namespace archleak::sim {
namespace {

using nas::Strategy;

/// Says at `key` of `section` what was expected there with the run's strategy.
class Contradiction {
 public:
  Contradiction(ConfigSection config, const char* strategy) : config_(config), strategy_(strategy) {}

  void unless(bool holds, const char* section, const char* key, const std::string& expected,
              const std::string& why) const {
    if (holds) return;
    config_.section(section).fail(
        key, fmt::format("expected {} with search.strategy \"{}\", {}, got another", expected, strategy_, why));
  }

 private:
  ConfigSection config_;
  const char* strategy_;
};

void check_pdarts(const Contradiction& expect, const RunConfig& run) {
  expect.unless(run.protocol.protocol != Protocol::server_alpha, "federation", "protocol",
                "\"gradient\", \"delta\" or \"weights\"", "whose clients take architecture steps");
  expect.unless(run.architect.order == nas::ArchitectureOrder::first, "search", "order", "\"first\"",
                "which is of first order");
  expect.unless(run.space.layers == run.strategy.pdarts.layers.back(), "space", "layers",
                fmt::format("{}, the last of search.pdarts.layers,", run.strategy.pdarts.layers.back()),
                "whose last stage has the whole network");
  expect.unless(run.space.execution != nas::Execution::fused, "space", "execution", "\"automatic\" or \"plain\"",
                "whose later stages leave operations out");
  expect.unless(!run.training.carry_optimizer, "training", "carry_optimizer", "false", "whose stages start anew");
}

void check_enas(const Contradiction& expect, const RunConfig& run) {
  expect.unless(run.protocol.protocol == Protocol::server_alpha, "federation", "protocol", "\"server_alpha\"",
                "whose server draws the sub-networks");
}

void check_smash(const Contradiction& expect, const RunConfig& run) {
  expect.unless(run.protocol.protocol != Protocol::server_alpha, "federation", "protocol",
                "\"gradient\", \"delta\" or \"weights\"", "whose clients draw the sub-networks");
  expect.unless(!run.protocol.withhold_weights, "federation", "withhold_weights", "false", "which has weights alone");
  expect.unless(!run.defense.has(defenses::Transform::clip_noise), "defense", "transforms", "no clip_noise",
                "whose ranking the account of clip_noise does not cover");
}

/// What sub-networks share are weights; running statistics are of none of them.
void check_batch_norm(const Contradiction& expect, const RunConfig& run) {
  expect.unless(run.protocol.batch_norm != BatchNormPolicy::average, "federation", "batch_norm",
                "\"batch\", \"local\" or \"group\"", "whose sub-networks have no statistics in common");
}

}  // namespace

void check_strategy(ConfigSection config, const RunConfig& run) {
  const Strategy strategy = run.strategy.kind;
  if (strategy == Strategy::darts || run.workload != WorkloadKind::search) return;
  const Contradiction expect(config, nas::name_of(strategy));
  expect.unless(run.space_kind == SpaceKind::darts, "space", "kind", "\"darts\"", "which searches its cells");
  if (strategy == Strategy::pdarts) check_pdarts(expect, run);
  if (strategy == Strategy::enas) check_enas(expect, run);
  if (strategy == Strategy::smash) check_smash(expect, run);
  if (strategy == Strategy::enas || strategy == Strategy::smash) check_batch_norm(expect, run);
}

std::shared_ptr<server::SearchStrategy> make_strategy(const RunConfig& run,
                                                      const std::shared_ptr<nas::SearchNetwork>& network,
                                                      const Arena& arena) {
  const int64_t rounds = run.coordinator.rounds;
  switch (run.strategy.kind) {
    case Strategy::pdarts:
      return std::make_shared<server::ProgressiveSearch>(run.strategy.pdarts, network, run.space.steps,
                                                         run.space.multiplier, run.seed, rounds);
    case Strategy::enas:
      return std::make_shared<server::EnasSearch>(run.strategy.enas, run.space.steps, run.space.multiplier, run.seed,
                                                  rounds);
    case Strategy::smash:
      return std::make_shared<server::SmashSearch>(run.strategy.smash, run.space.steps, run.space.multiplier, run.seed,
                                                   rounds);
    case Strategy::darts:
      break;
  }
  if (run.protocol.protocol != Protocol::server_alpha) return nullptr;
  return std::make_shared<server::SampledAlpha>(arena, run.coordinator.update.alpha, run.seed);
}

}  // namespace archleak::sim
