#include "sim/run_summary.h"

#include <spdlog/fmt/fmt.h>

namespace archleak::sim {
namespace {

std::string state_of(const std::vector<Event>& events) {
  std::string state = "unfinished";
  for (const Event& event : events) {
    if (event.kind == "start" || event.kind == "resume") state = "unfinished";
    if (event.kind == "interrupted" || event.kind == "failed" || event.kind == "finished") state = event.kind;
  }
  return state;
}

}  // namespace

std::string RunSummary::progress() const {
  const int64_t done = static_cast<int64_t>(rounds.size());
  return facts.rounds > 0 ? fmt::format("{} of {}", done, facts.rounds) : std::to_string(done);
}

RunSummary summarise(const RunDirectory& run) {
  RunSummary summary;
  summary.facts = run.read_facts().value_or(RunFacts{});
  summary.name =
      summary.facts.name.empty() ? std::filesystem::absolute(run.path()).filename().string() : summary.facts.name;
  summary.events = run.read_events();
  summary.state = state_of(summary.events);
  summary.rounds = run.read_metrics();
  for (const RoundMetrics& round : summary.rounds) {
    summary.last = round;
    if (round.test_accuracy) {
      summary.evaluated = round;
      if (!summary.best || *round.test_accuracy > *summary.best->test_accuracy) summary.best = round;
    }
    summary.seconds += round.total_s;
    summary.bytes_up += static_cast<double>(round.bytes_up);
    summary.bytes_down += static_cast<double>(round.bytes_down);
    summary.lost += round.lost;
    summary.reassigned += round.reassigned;
  }
  return summary;
}

std::string format_share(const std::optional<double>& share) {
  return share ? fmt::format("{:.1f} %", 100 * *share) : "-";
}

}  // namespace archleak::sim
