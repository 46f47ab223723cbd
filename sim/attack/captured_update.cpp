#include "sim/attack/captured_update.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>

#include "attacks/reconstruction/expected_noise.h"
#include "core/error.h"
#include "core/pack.h"
#include "sim/defense_setup.h"

namespace archleak::sim {
namespace {

torch::Tensor as_tensor(std::span<const float> values) {
  return torch::tensor(std::vector<float>(values.begin(), values.end()), torch::kFloat32).to(torch::kFloat64);
}

constexpr double kMostSteps = 1e6;

/// What the client says of its steps; one if it says nothing. Throws DataError for what is no number of steps.
int64_t steps_of(const attacks::SeenUpdate& seen) {
  const auto steps = std::find_if(seen.metrics.begin(), seen.metrics.end(),
                                  [](const wire::Metric& metric) { return metric.name == "steps"; });
  if (steps == seen.metrics.end()) return 1;
  if (!(steps->value >= 0 && steps->value <= kMostSteps)) {
    throw DataError(fmt::format("round {}, client {}: expected 0 to {} steps, got {}", seen.round, seen.client,
                                kMostSteps, steps->value));
  }
  return std::max<int64_t>(1, static_cast<int64_t>(steps->value));
}

/// The model that went by in the update's round.
GlobalModel broadcast_target(const attacks::Observation& observation, const attacks::SeenUpdate& seen,
                             const RunConfig& run, ExampleShape shape, int64_t classes) {
  const auto& models = observation.rounds().at(seen.round).models;
  if (models.empty()) {
    throw DataError(
        fmt::format("round {}: expected the model that clients started from in the capture, got none", seen.round));
  }
  auto target = make_global_model(run, shape, classes);
  const auto& layout = target.arena.layout();
  unpack(layout, broadcast_layout(run.protocol, layout.weights, layout.alpha, layout.buffers),
         observation.floats(models.front()).floats(), target.arena.floats());
  return target;
}

GlobalModel known_target(const attacks::Observation& observation, const attacks::SeenUpdate& seen, const RunConfig& run,
                         ExampleShape shape, int64_t classes, WeightKnowledge weights, uint64_t seed) {
  if (weights == WeightKnowledge::initial_seed) return make_global_model(run, shape, classes);
  auto broadcast = broadcast_target(observation, seen, run, shape, classes);
  if (weights == WeightKnowledge::broadcast) return broadcast;
  RunConfig own = run;
  own.seed = seed;
  auto target = make_global_model(own, shape, classes);
  const auto& layout = target.arena.layout();
  const auto alpha = std::as_const(broadcast.arena).floats().subspan(layout.begin(Segment::alpha), layout.alpha);
  std::copy(alpha.begin(), alpha.end(), target.arena.floats().begin() + layout.begin(Segment::alpha));
  return target;
}

/// Why no update of this kind tells the gradient of alpha; empty if it does.
std::string hidden_gradient(const RunConfig& run, int64_t round, int64_t steps, bool adam) {
  if (run.architect.order != nas::ArchitectureOrder::first) {
    return "alpha's gradient is not of the first order, which is the one that this attack computes";
  }
  if (run.defense.dp_sgd.enabled) {
    return "DP-SGD clips the gradient of each example, which this attack does not compute";
  }
  if (adam && steps > 1) return fmt::format("{} steps of Adam: their sum does not tell the signs of one", steps);
  if (adam && run.training.carry_optimizer && round > 0) {
    return "Adam goes on with the moments of earlier rounds, so that a step does not tell the gradient's signs";
  }
  return {};
}

/// Whether clipping to `run.search.alpha_clip_norm` may have shortened a gradient that was read.
bool clipped_by_trainer(const RunConfig& run, const torch::Tensor& gradient, int64_t steps) {
  const double clip = run.search.alpha_clip_norm;
  return clip > 0 && (steps > 1 || gradient.norm().item<double>() > 0.999 * clip);
}

}  // namespace

CapturedUpdate read_captured_update(const attacks::Observation& observation, const attacks::SeenUpdate& seen,
                                    const RunConfig& run, ExampleShape shape, int64_t classes, WeightKnowledge weights,
                                    uint64_t seed) {
  CapturedUpdate update{.round = seen.round,
                        .client = seen.client,
                        .target = known_target(observation, seen, run, shape, classes, weights, seed)};
  const auto& layout = update.target.arena.layout();
  const UpdateLayout sent = update_layout(run.protocol, layout.weights, layout.alpha, layout.buffers);
  const auto payload = observation.floats(seen.place);
  const auto values = payload.floats();
  if (sent.alpha == 0) throw DataError("attack: expected architecture parameters in the updates, got weights alone");
  if (static_cast<int64_t>(values.size()) != sent.size()) {
    throw DataError(fmt::format("round {}, client {}: expected an update of {} values, got {}", seen.round, seen.client,
                                sent.size(), values.size()));
  }
  update.alpha =
      as_tensor(std::as_const(update.target.arena).floats().subspan(layout.begin(Segment::alpha), layout.alpha));
  auto read = as_tensor(values.subspan(sent.weights, sent.alpha));
  const bool gradient = run.protocol.protocol == Protocol::gradient;
  if (run.protocol.protocol == Protocol::weights) read = read - update.alpha;
  update.steps = gradient ? 1 : steps_of(seen);
  const bool adam = !gradient && run.search.alpha_optimizer == client::AlphaOptimizer::adam;
  update.unreadable = read.isfinite().all().item<bool>() ? hidden_gradient(run, seen.round, update.steps, adam)
                                                         : "values that are not finite";
  const auto l2 = 2 * run.search.alpha_l2 * update.alpha;  // of the loss, so part of every gradient
  const double decay = gradient ? 0 : run.search.alpha_weight_decay;
  const bool by_defense = run.defense.has(defenses::Transform::clip_noise);
  using attacks::AlphaUpdateKind;
  attacks::AlphaUpdate reading{.kind = gradient ? AlphaUpdateKind::gradient
                                       : adam   ? AlphaUpdateKind::adam
                                                : AlphaUpdateKind::sgd,
                               .lr = run.search.alpha_lr,
                               .steps = update.steps,
                               .decay = decay};
  update.signs = adam;
  if (adam) update.offset = decay * update.alpha + l2;
  if (update.unreadable.empty()) {
    update.gradient = attacks::alpha_gradient_from(read, update.alpha, reading);
    const bool by_trainer = !adam && clipped_by_trainer(run, update.gradient, update.steps);
    update.shortened = !adam && (by_trainer || by_defense);
    if (by_trainer && (update.steps > 1 || (by_defense && decay > 0))) {
      update.unreadable = "gradients were clipped to search.alpha_clip_norm, each by a factor that is not known";
    } else if (update.shortened) {
      update.offset = l2;
      if (by_defense) {  // the decay was shortened, too
        reading.decay = 0;
        update.gradient = attacks::alpha_gradient_from(read, update.alpha, reading);
        update.offset = update.offset + decay * update.alpha;
      }
    } else {
      update.gradient -= l2;
    }
    const auto plan = privacy_plan(run);
    update.noise =
        attacks::expected_gradient_noise(run.defense, plan ? plan->client_std() : 0, read, update.alpha, reading);
  }

  const auto valid =
      std::max<int64_t>(1, static_cast<int64_t>(static_cast<double>(seen.weight) * run.search.valid_share));
  const int64_t batch =
      run.protocol.weighting == Weighting::samples ? std::min(run.training.batch_size, valid) : run.training.batch_size;
  update.images = update.steps * batch;
  return update;
}

}  // namespace archleak::sim
