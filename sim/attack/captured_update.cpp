#include "sim/attack/captured_update.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <numeric>
#include <optional>

#include "attacks/reconstruction/expected_noise.h"
#include "client/training_data.h"
#include "core/error.h"
#include "core/optimizer.h"
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

/// Sizes of the batches behind `steps` steps on `count` examples, as client::BatchOrder makes them.
std::vector<int64_t> batch_sizes(int64_t count, int64_t batch_size, int64_t steps) {
  const int64_t in_pass = client::batches_in_pass(count, batch_size);
  std::vector<int64_t> sizes;
  for (int64_t step = 0; step < steps; ++step) {
    sizes.push_back(std::min(batch_size, count - step % in_pass * batch_size));
  }
  return sizes;
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

/// How clients move a segment from what they compute.
struct StepRule {
  bool adam = false;
  double lr = 0;
  double momentum = 0;
  double decay = 0;  ///< of weights
  double l2 = 0;     ///< of the loss, times the values
  double clip = 0;   ///< largest norm of a gradient; 0: none
};

StepRule step_rule(const RunConfig& run, Segment segment, int64_t round) {
  const auto& training = run.training;
  const auto& search = run.search;
  if (segment == Segment::weights) {
    return {.lr = cosine_lr(training.lr, training.lr_min, round, run.coordinator.rounds),
            .momentum = training.momentum,
            .decay = training.weight_decay,
            .clip = training.clip_norm};
  }
  return {.adam = search.alpha_optimizer == client::AlphaOptimizer::adam,
          .lr = search.alpha_lr,
          .decay = search.alpha_weight_decay,
          .l2 = 2 * search.alpha_l2,
          .clip = search.alpha_clip_norm};
}

/// Why no update of this kind tells the segment's gradient; empty if it does. `rule` is nothing where the gradient
/// itself is sent.
std::string hidden_gradient(const RunConfig& run, Segment segment, int64_t round, int64_t steps,
                            const std::optional<StepRule>& rule) {
  if (segment == Segment::alpha && run.architect.order != nas::ArchitectureOrder::first) {
    return "alpha's gradient is not of the first order, which is the one that this attack computes";
  }
  if (run.defense.dp_sgd.enabled) {
    return "DP-SGD clips the gradient of each example, which this attack does not compute";
  }
  if (!rule) return {};
  const bool goes_on = run.training.carry_optimizer && round > 0;
  if (rule->adam && steps > 1) return fmt::format("{} steps of Adam: their sum does not tell the signs of one", steps);
  if (rule->adam && goes_on) {
    return "Adam goes on with the moments of earlier rounds, so that a step does not tell the gradient's signs";
  }
  if (rule->momentum > 0 && steps > 1)
    return fmt::format("{} steps with momentum, which counts early ones twice", steps);
  if (rule->momentum > 0 && goes_on) return "momentum goes on with the gradients of earlier rounds";
  return {};
}

/// Whether clipping to `clip` may have shortened a gradient that was read.
bool clipped_by_trainer(double clip, const torch::Tensor& gradient, int64_t steps) {
  return clip > 0 && (steps > 1 || gradient.norm().item<double>() > 0.999 * clip);
}

/// Reads the gradient, or why there is none, from what was sent of a segment, `sent` `[values]`: itself or a
/// difference.
void read_gradient(CapturedUpdate& update, const RunConfig& run, const torch::Tensor& sent) {
  const bool itself = run.protocol.protocol == Protocol::gradient;
  const auto rule = step_rule(run, update.segment, update.round);
  update.unreadable = sent.isfinite().all().item<bool>()
                          ? hidden_gradient(run, update.segment, update.round, update.steps,
                                            itself ? std::nullopt : std::optional(rule))
                          : "values that are not finite";
  const bool adam = !itself && rule.adam;
  const auto l2 = rule.l2 * update.before;  // of the loss, so part of every gradient
  const double decay = itself ? 0 : rule.decay;
  const bool by_defense = run.defense.has(defenses::Transform::clip_noise);
  using attacks::AlphaUpdateKind;
  attacks::AlphaUpdate reading{.kind = itself ? AlphaUpdateKind::gradient
                                       : adam ? AlphaUpdateKind::adam
                                              : AlphaUpdateKind::sgd,
                               .lr = rule.lr,
                               .steps = update.steps,
                               .decay = decay};
  update.signs = adam;
  if (adam) update.offset = decay * update.before + l2;
  if (!update.unreadable.empty()) return;
  update.gradient = attacks::alpha_gradient_from(sent, update.before, reading);
  const bool by_trainer = !adam && clipped_by_trainer(rule.clip, update.gradient, update.steps);
  update.shortened = !adam && (by_trainer || by_defense);
  if (by_trainer && (update.steps > 1 || (by_defense && decay > 0))) {
    update.unreadable = fmt::format("gradients were clipped to {}, each by a factor that is not known",
                                    update.segment == Segment::alpha ? "search.alpha_clip_norm" : "training.clip_norm");
  } else if (update.shortened) {
    update.offset = l2;
    if (by_defense) {  // the decay was shortened, too
      reading.decay = 0;
      update.gradient = attacks::alpha_gradient_from(sent, update.before, reading);
      update.offset = update.offset + decay * update.before;
    }
  } else {
    update.gradient -= l2;
  }
  const auto plan = privacy_plan(run);
  update.noise =
      attacks::expected_gradient_noise(run.defense, plan ? plan->client_std() : 0, sent, update.before, reading);
}

}  // namespace

CapturedUpdate read_captured_update(const attacks::Observation& observation, const attacks::SeenUpdate& seen,
                                    const RunConfig& run, ExampleShape shape, int64_t classes, Segment segment,
                                    WeightKnowledge weights, uint64_t seed) {
  CapturedUpdate update{.round = seen.round,
                        .client = seen.client,
                        .target = known_target(observation, seen, run, shape, classes, weights, seed),
                        .segment = segment};
  const auto& layout = update.target.arena.layout();
  const UpdateLayout sent = update_layout(run.protocol, layout.weights, layout.alpha, layout.buffers);
  const auto payload = observation.floats(seen.place);
  const auto values = payload.floats();
  if (static_cast<int64_t>(values.size()) != sent.size()) {
    throw DataError(fmt::format("round {}, client {}: expected an update of {} values, got {}", seen.round, seen.client,
                                sent.size(), values.size()));
  }
  const bool alpha = segment == Segment::alpha;
  const int64_t size = alpha ? sent.alpha : sent.weights;
  if (size == 0) {
    throw DataError(alpha ? "attack: expected architecture parameters in the updates, got weights alone"
                          : "attack: expected weights in the updates, got architecture parameters alone");
  }
  update.before = as_tensor(std::as_const(update.target.arena).floats().subspan(layout.begin(segment), size));
  auto read = as_tensor(values.subspan(alpha ? sent.weights : 0, size));
  if (run.protocol.protocol == Protocol::weights) read = read - update.before;
  update.steps = run.protocol.protocol == Protocol::gradient ? 1 : steps_of(seen);
  read_gradient(update, run, read);

  // Under uniform weighting clients do not say how many examples they have: batches are then taken to be whole.
  const int64_t batch_size = run.training.batch_size;
  int64_t count = batch_size;
  if (run.protocol.weighting == Weighting::samples) {
    const int64_t valid = client::validation_size(seen.weight, run.search.valid_share);
    count = std::max<int64_t>(1, alpha ? valid : seen.weight - valid);
  }
  update.batches = batch_sizes(count, batch_size, update.steps);
  return update;
}

int64_t CapturedUpdate::images() const {
  return std::accumulate(batches.begin(), batches.end(), int64_t{0});
}

std::vector<double> CapturedUpdate::shares() const {
  std::vector<double> shares;
  for (const int64_t size : batches) {
    shares.insert(shares.end(), size, 1.0 / static_cast<double>(size * std::ssize(batches)));
  }
  return shares;
}

}  // namespace archleak::sim
