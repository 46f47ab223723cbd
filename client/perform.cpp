#include "client/perform.h"

#include "client/secure_tasks.h"

namespace archleak::client {
namespace {

/// What went wrong, without the stack trace that LibTorch puts below its messages.
std::string reason_of(const std::exception& error) {
  const std::string text = error.what();
  return text.substr(0, text.find("\nException raised from"));
}

/// The outcome of a task, without results.
wire::Outcome outcome_of(const wire::Task& task) {
  return {.task = task.task,
          .attempt = task.attempt,
          .round = task.round,
          .kind = task.kind,
          .client = task.client,
          .metrics = {},
          .client_state = {},
          .update = {}};
}

/// What a client reports, without its update.
wire::Outcome report(const wire::Task& task, ClientOutcome result) {
  wire::Outcome outcome = outcome_of(task);
  outcome.weight = result.weight;
  outcome.client_state = std::move(result.state);
  for (const auto& figure : result.figures) outcome.metrics.push_back({figure.name, figure.value});
  return outcome;
}

ClientTask client_task(const wire::Task& task, const std::atomic<bool>& cancelled) {
  return {task.round, task.client, task.instruction, task.client_state, &cancelled};
}

wire::Outcome train(Workload& workload, const wire::Task& task, const WorkerPlan& plan,
                    const std::atomic<bool>& cancelled) {
  std::vector<float> update(workload.update_size());
  ClientTask training = client_task(task, cancelled);
  if (plan.protocol.secure_aggregation) training.instruction = training_instruction(task);
  wire::Outcome outcome = report(task, workload.train(training, update));
  outcome.weight = update_weight(plan.protocol.weighting, outcome.weight);
  outcome.masked = plan.protocol.secure_aggregation;
  outcome.update =
      outcome.masked ? mask_update(task, update, outcome.weight, plan) : wire::Payload::own(std::move(update));
  return outcome;
}

wire::Outcome evaluate(Workload& workload, const wire::Task& task) {
  const Evaluation result = workload.evaluate(task.first, task.last, task.instruction);
  wire::Outcome outcome = outcome_of(task);
  outcome.weight = result.examples;
  outcome.metrics = {{"correct", static_cast<double>(result.correct)}, {"loss_sum", result.loss_sum}};
  return outcome;
}

wire::Message answer(Workload& workload, const wire::Task& task, const wire::Payload& model, const WorkerPlan& plan,
                     const std::atomic<bool>& cancelled) {
  if (task.kind == wire::TaskKind::share_keys || task.kind == wire::TaskKind::reveal) {
    return answer_secure_task(task, plan.seed);
  }
  workload.load(model.floats());
  if (task.kind == wire::TaskKind::evaluate) return evaluate(workload, task);
  if (task.kind == wire::TaskKind::survey) return report(task, workload.survey(client_task(task, cancelled)));
  return train(workload, task, plan, cancelled);
}

}  // namespace

std::optional<wire::Message> perform(Workload& workload, const wire::Task& task, const wire::Payload& model,
                                     const WorkerPlan& plan, const std::atomic<bool>& cancelled) {
  try {
    return answer(workload, task, model, plan, cancelled);
  } catch (const Cancelled&) {
    return std::nullopt;
  } catch (const std::exception& error) {
    return wire::Failure{task.task, task.attempt, reason_of(error)};
  }
}

}  // namespace archleak::client
