#include "server/coordinator.h"

#include <spdlog/spdlog.h>

#include <set>

#include "core/error.h"
#include "core/pack.h"
#include "server/aggregate.h"
#include "server/alpha_sampling.h"
#include "server/outcome.h"
#include "server/phase.h"
#include "server/secure_round.h"

namespace archleak::server {

void describe(ConfigSection section, CoordinatorOptions& options) {
  section.read("rounds", options.rounds, {.min = 1, .max = 1e6}, "rounds of the run");
  section.read("evaluate_every", options.evaluate_every, {.min = 1}, "rounds between evaluations; the last has one");
  section.read("evaluation_shard", options.evaluation_shard, {.min = 1}, "test examples in one evaluation task");
  section.read("checkpoint_every", options.checkpoint_every, {.min = 1}, "rounds between checkpoints");
  section.read("keep_checkpoints", options.keep_checkpoints, {.min = 1}, "how many checkpoints stay");
  section.read("heartbeat_s", options.heartbeat_s, {.min = 0.01, .max = 3600}, "seconds between a worker's heartbeats");
  section.read("worker_patience_s", options.worker_patience_s, {.min = 0.1},
               "the run ends when there is no worker for so long");
  describe(section.section("selection"), options.selection);
  describe(section.section("schedule"), options.schedule);
  describe(section.section("robust"), options.robust);
  describe(section.section("optimizer"), options.update);
  if (options.schedule.lease_s < 2 * options.heartbeat_s) {
    section.section("schedule")
        .fail("lease_s", fmt::format("expected at least two heartbeats ({} s), got {} s", 2 * options.heartbeat_s,
                                     options.schedule.lease_s));
  }
}

Coordinator::Coordinator(wire::CoordinatorSocket& socket, const CoordinatorOptions& options, const RunPlan& plan,
                         Arena& arena, RunObserver& observer, const std::filesystem::path& checkpoints)
    : socket_(socket),
      options_(options),
      plan_(plan),
      arena_(arena),
      observer_(observer),
      checkpoints_(checkpoints),
      update_(options.update, plan.protocol, arena.layout()),
      broadcast_(broadcast_layout(plan.protocol, arena.layout().weights, arena.layout().alpha, arena.layout().buffers)),
      strategy_(plan.strategy ? plan.strategy : std::make_shared<SearchStrategy>()) {
  const auto clients = static_cast<int64_t>(plan.client_sizes.size());
  validate(options.selection, clients);
  validate(options.robust, plan.protocol.fidelity,
           static_cast<int64_t>(select_clients(options.selection, clients, plan.seed, 0).size()));
  if (plan.protocol.secure_aggregation && needs_single_updates(options.robust)) {
    throw ConfigError(
        "robust: expected the rule \"mean\" without norm_bound under secure aggregation, where nobody sees single "
        "updates, got one that needs them");
  }
  if (plan.privacy) privacy_ = std::make_unique<defenses::ParticipationLedger>(*plan.privacy);
  if (plan.dp_sgd) privacy_ = std::make_unique<defenses::ExampleLedger>(*plan.dp_sgd);
  restore();
}

RunEnd Coordinator::run(const std::atomic<bool>& stop) {
  WorkerPool pool(socket_, {.epoch = epoch_,
                            .config = plan_.config,
                            .layout = arena_.layout().fingerprint(),
                            .heartbeat_s = options_.heartbeat_s,
                            .lease_s = options_.schedule.lease_s});
  save();  // also makes this start's epoch durable
  bool saved = true;
  bool finished = true;
  while (round_ < options_.rounds && finished) {
    Stopwatch total;
    const auto sent = pool.sent().bytes;
    const auto received = pool.received().bytes;
    RoundRecord record{.round = round_};
    finished = train_round(pool, record, stop) && survey(pool, stop) && evaluate(pool, record, stop);
    if (!finished) break;
    const auto rows = alpha_rows(arena_);
    if (plan_.entropy) record.alpha_entropy = strategy_->entropy(rows);
    record.model_hash = arena_.hash();
    record.bytes_down = static_cast<int64_t>(pool.sent().bytes - sent);
    record.bytes_up = static_cast<int64_t>(pool.received().bytes - received);
    record.total_s = total.lap();
    ++round_;
    observer_.on_round(record);
    saved = round_ % options_.checkpoint_every == 0 || round_ == options_.rounds || stop;
    if (saved) save();
    previous_ = {};
  }
  if (!finished) roll_back();
  if (!saved || !finished) save();
  pool.drain(finished ? "the run has ended" : "the coordinator was stopped", std::chrono::milliseconds(2000));
  return {.interrupted = !finished, .rounds = round_, .model_hash = arena_.hash()};
}

wire::Payload Coordinator::model_payload() const {
  std::vector<float> message(broadcast_.size());
  pack(arena_.layout(), broadcast_, std::as_const(arena_).floats(), message);
  return wire::Payload::own(std::move(message));
}

std::vector<int64_t> Coordinator::cohort() const {
  return select_clients(options_.selection, static_cast<int64_t>(plan_.client_sizes.size()), plan_.seed, round_);
}

bool Coordinator::train_round(WorkerPool& pool, RoundRecord& record, const std::atomic<bool>& stop) {
  const auto selected = cohort();
  const auto& protocol = plan_.protocol;

  if (const auto anew = strategy_->begin_round(round_)) {
    update_.reset();
    client_states_.clear();
    pool.forget_model();
    observer_.on_event(anew->kind, anew->fields);
  }
  std::vector<float> center;
  if (protocol.protocol == Protocol::weights) {
    const auto values = std::as_const(arena_).floats();
    center.assign(values.begin(), values.begin() + update_.layout().trained());
  }
  Aggregator aggregator(update_.layout(), protocol, options_.robust, std::move(center));

  std::set<int64_t> counted;  // clients
  std::optional<SecureRound> secure;
  Phase phase;
  phase.round = round_;
  phase.model = model_payload();
  phase.model_per_task = protocol.fidelity == Fidelity::wire;
  phase.patience_s = options_.worker_patience_s;
  phase.make_task = [&](const Assignment& assignment) {
    const auto state = client_states_.find(assignment.client);
    std::string instruction = strategy_->instruction(round_, assignment.client);
    if (secure) instruction = secure->masking_instruction(std::move(instruction));
    return wire::Task{.task = assignment.task,
                      .attempt = assignment.attempt,
                      .round = round_,
                      .kind = wire::TaskKind::train,
                      .client = assignment.client,
                      .instruction = std::move(instruction),
                      .client_state = state == client_states_.end() ? std::string() : state->second};
  };
  phase.take_outcome = [&](const wire::Outcome& outcome) -> std::optional<std::string> {
    auto reason = strategy_->wants_rewards() ? flaw(outcome, {"train_loss", "reward"}) : flaw(outcome, {"train_loss"});
    if (!reason && protocol.fidelity == Fidelity::wire) {
      reason = secure ? secure->add(outcome) : aggregator.add(outcome.client, outcome.update.floats(), outcome.weight);
    }
    if (!reason) counted.insert(outcome.client);
    return reason;
  };
  phase.check_sum = [&](const wire::PartialSum& sum) -> std::optional<std::string> {
    try {
      FixedPointSum trial(static_cast<size_t>(update_.layout().size()), protocol.scale_bits);
      trial.add(sum.sums.integers(), sum.weight, sum.bound);
    } catch (const Error& error) {
      return error.what();
    }
    return std::nullopt;
  };
  phase.take_sum = [&](const wire::PartialSum& sum) {
    const auto reason = aggregator.add_partial(sum.sums.integers(), sum.weight, sum.bound, sum.scale_bits,
                                               static_cast<int64_t>(sum.tasks.size()));
    if (reason) throw Error(fmt::format("round {}: partial sum: {}", round_, *reason));
  };
  phase.on_event = [&](const std::string& kind, const std::string& worker, const std::string& reason) {
    observer_.on_event(kind, {{"round", round_}, {"worker", worker}, {"reason", reason}});
  };
  phase.on_progress = [&](int64_t complete, int64_t tasks) { observer_.on_tasks(complete, tasks); };

  Stopwatch watch;
  if (protocol.secure_aggregation) {
    secure.emplace(SecureRoundOptions{.seed = plan_.seed,
                                      .session = epoch_,
                                      .protocol = protocol,
                                      .update_size = update_.layout().size(),
                                      .schedule = options_.schedule},
                   round_, selected);
    if (!secure->share_keys(pool, phase, stop)) return false;
  }
  std::vector<TaskSpec> tasks;
  for (const int64_t client : secure ? secure->members() : selected) {
    tasks.push_back({.id = static_cast<TaskId>(client), .client = client, .size = plan_.client_sizes[client]});
  }
  const PhaseResult result =
      run_phase(pool, Schedule(std::move(tasks), options_.schedule, protocol.fidelity, steady_seconds()), phase, stop);
  if (result.interrupted) return false;
  if (secure) {
    if (!secure->unmask(pool, phase, stop)) return false;
    const auto reason = aggregator.add_unmasked(secure->sum(), secure->weight(), secure->updates());
    if (reason) throw Error(fmt::format("round {}: unmasked sum: {}", round_, *reason));
  }
  record.train_s = watch.lap();
  record.broadcast_s = result.broadcast_s;
  record.lost = result.counts.lost + (secure ? secure->counts().lost : 0);
  record.reassigned = result.counts.reassigned + (secure ? secure->counts().reassigned : 0);

  if (aggregator.updates() == 0) {
    throw Error(fmt::format("round {}: expected an update of some client, got none that counts", round_));
  }
  remember();
  std::vector<float> mean = aggregator.mean();
  std::vector<Holder> holders;
  std::map<int64_t, double> rewards;
  for (const auto& [task, outcome] : result.outcomes) {
    if (!counted.contains(outcome.client)) continue;
    holders.push_back({strategy_->sub_network(round_, outcome.client), outcome.weight});
    if (strategy_->wants_rewards()) rewards[outcome.client] = figure(outcome, "reward");
  }
  if (protocol.protocol == Protocol::server_alpha && options_.robust.rule == RobustRule::mean) {
    average_over_holders(mean, arena_, plan_.parts, holders);
  }
  update_.apply(arena_, mean);
  record.clients = aggregator.updates();
  account(selected, record);
  double loss = 0;
  double weight = 0;
  for (const auto& [task, outcome] : result.outcomes) {
    if (flaw(outcome, {"train_loss"})) continue;
    loss += static_cast<double>(outcome.weight) * figure(outcome, "train_loss");
    weight += static_cast<double>(outcome.weight);
    if (outcome.client_state.empty()) {
      client_states_.erase(outcome.client);
    } else {
      client_states_[outcome.client] = outcome.client_state;
    }
  }
  if (weight > 0) record.train_loss = loss / weight;
  strategy_->learn(round_, rewards);
  record.aggregate_s = watch.lap();
  return true;
}

void Coordinator::account(std::span<const int64_t> selected, RoundRecord& record) {
  if (!privacy_) return;
  privacy_->count_round(round_, selected, record.clients);
  const auto spent = privacy_->spent();
  record.epsilon = spent.epsilon;
  if (spent.order_at_end && round_ % 100 == 0) {
    spdlog::warn("round {}: the best Renyi order, {}, is the first or last that is tried; epsilon {} may be too large",
                 round_, spent.order, spent.epsilon);
  }
}

}  // namespace archleak::server
