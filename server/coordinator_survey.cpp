// What a search strategy asks clients after a round's training.
#include <spdlog/fmt/fmt.h>

#include <cmath>

#include "core/error.h"
#include "server/coordinator.h"
#include "server/phase.h"

namespace archleak::server {
namespace {

constexpr TaskId kMostClients = TaskId{1} << 32;

/// What an outcome says to a question of `candidates` sub-networks, or why it cannot count.
std::optional<std::string> read_answer(const wire::Outcome& outcome, size_t candidates, Answer& answer) {
  if (outcome.weight < 1) return fmt::format("expected at least 1 validation example, got {}", outcome.weight);
  if (outcome.metrics.size() != candidates) {
    return fmt::format("expected a figure for each of {} sub-networks, got {}", candidates, outcome.metrics.size());
  }
  answer = {.client = outcome.client, .examples = outcome.weight, .correct = {}};
  for (const auto& metric : outcome.metrics) {
    if (!(metric.value >= 0 && metric.value <= static_cast<double>(outcome.weight))) {
      return fmt::format("expected from 0 to {} examples classified right, got {}", outcome.weight, metric.value);
    }
    answer.correct.push_back(metric.value);
  }
  return std::nullopt;
}

}  // namespace

bool Coordinator::survey(WorkerPool& pool, const std::atomic<bool>& stop) {
  const auto clients = cohort();
  for (auto questions = strategy_->ask(round_, clients); !questions.empty();
       questions = strategy_->ask(round_, clients)) {
    ++surveys_;
    std::map<int64_t, const Question*> question_of;
    std::vector<TaskSpec> tasks;
    for (const Question& question : questions) {
      question_of[question.client] = &question;
      // A late answer to an earlier question, about the same model, must not pass for one to this.
      tasks.push_back({.id = surveys_ * kMostClients + static_cast<TaskId>(question.client),
                       .client = question.client,
                       .size = plan_.client_sizes.at(static_cast<size_t>(question.client))});
    }
    std::map<int64_t, Answer> answers;
    const PhaseResult result = ask_workers(
        pool, wire::TaskKind::survey, std::move(tasks),
        [&](wire::Task& task) { task.instruction = nas::encode_choices(question_of.at(task.client)->candidates); },
        [&](const wire::Outcome& outcome) {
          Answer answer;
          auto reason = read_answer(outcome, question_of.at(outcome.client)->candidates.size(), answer);
          if (!reason) answers[outcome.client] = std::move(answer);
          return reason;
        },
        stop);
    if (result.interrupted) return false;
    std::vector<Answer> heard;
    for (auto& [client, answer] : answers) heard.push_back(std::move(answer));
    if (const auto event = strategy_->hear(round_, heard)) observer_.on_event(event->kind, event->fields);
  }
  return true;
}

}  // namespace archleak::server
