#include "sim/report_sections.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <map>

#include "sim/html.h"

namespace archleak::sim {
namespace {

constexpr size_t kMostRounds = 500;  // in the table; metrics.csv has them all
constexpr size_t kMostEvents = 200;

std::string optional_number(const std::optional<double>& value, const char* unit = "") {
  return value ? fmt::format("{:.3f}{}", *value, unit) : "-";
}

std::string protocol_meaning(const std::string& protocol) {
  static const std::map<std::string, std::string> meanings{
      {"gradient", "each step's gradients of the architecture parameters, and of the weights unless they are withheld"},
      {"delta", "architecture parameters and weights after the local epochs minus before"},
      {"weights", "architecture parameters and weights after the local epochs"},
      {"server_alpha", "weights of a sampled sub-network; nothing about the architecture parameters"}};
  const auto found = meanings.find(protocol);
  return found == meanings.end() ? "" : ": " + found->second;
}

std::string local_training(const RunFacts& facts) {
  if (facts.protocol == "gradient") return fmt::format("one step a round, batches of {}", facts.batch_size);
  const std::string limit =
      facts.max_local_steps > 0 ? fmt::format(", at most {} steps", facts.max_local_steps) : std::string();
  return fmt::format("{} {} a round{}, batches of {}", facts.local_epochs, facts.local_epochs == 1 ? "epoch" : "epochs",
                     limit, facts.batch_size);
}

std::string event_text(const Event& event) {
  if (event.kind == "start" || event.kind == "resume") return "";
  std::string text;
  for (const auto& [name, value] : event.fields.items()) {
    if (!text.empty()) text += ", ";
    text += escape_html(name) + ": " + escape_html(value.is_string() ? value.get<std::string>() : value.dump());
  }
  return text;
}

std::string event_class(const std::string& kind) {
  if (kind == "failed" || kind == "worker_lost" || kind == "update_refused" || kind == "task_failed") return "bad";
  if (kind == "interrupted" || kind == "task_reassigned" || kind == "worker_refused" || kind == "deadline")
    return "warn";
  return "";
}

}  // namespace

std::string exposure_section(const RunSummary& run) {
  const RunFacts& facts = run.facts;
  if (facts.protocol.empty()) return "";
  const bool fused = facts.fidelity == "fused";
  const std::string fidelity = fused ? "sums only: a worker adds up its clients and sends one message a round"
                                     : "single updates: each client's update is a message of its own";
  const std::string curve = facts.curve
                                ? "yes, CURVE: a capture holds ciphertext"
                                : "<span class=\"warn\">no: whoever sits on the wire reads every message</span>";
  return html_section(
      "What an eavesdropper could see",
      html_facts(
          {{"A client sends", "<code>" + escape_html(facts.protocol) + "</code>" + protocol_meaning(facts.protocol)},
           {"Messages hold", "<code>" + escape_html(facts.fidelity) + "</code>: " + fidelity},
           {"Encrypted", curve},
           {"Transport", "<code>" + escape_html(facts.transport) + "</code>" +
                             (facts.transport == "tcp" ? "" : ": messages do not leave the machine")},
           {"Local training", local_training(facts)},
           {"Batch norm", "<code>" + escape_html(facts.batch_norm) + "</code>"},
           {"Clients in a round", fmt::format("{} of {}", facts.clients_per_round, facts.clients)},
           {"Defences",
            facts.defenses.empty() ? "none" : escape_html(fmt::format("{}", fmt::join(facts.defenses, "; ")))}}));
}

std::string rounds_section(const RunSummary& run) {
  std::vector<std::vector<std::string>> rows;
  const size_t first = run.rounds.size() > kMostRounds ? run.rounds.size() - kMostRounds : 0;
  for (size_t i = first; i < run.rounds.size(); ++i) {
    const RoundMetrics& r = run.rounds[i];
    rows.push_back({std::to_string(r.round), escape_html(r.phase), format_share(r.test_accuracy),
                    optional_number(r.test_loss), optional_number(r.train_loss), optional_number(r.alpha_entropy),
                    fmt::format("{:.2f} s", r.total_s), format_bytes(static_cast<double>(r.bytes_up)),
                    format_bytes(static_cast<double>(r.bytes_down)), std::to_string(r.clients),
                    "<code>" + escape_html(r.model_hash.substr(0, 12)) + "</code>"});
  }
  if (rows.empty()) return "";
  return html_section(
      "Round by round",
      html_details(fmt::format("{} of {} rounds; all are in metrics.csv", rows.size(), run.rounds.size()),
                   html_table({"round", "phase", "accuracy", "test loss", "train loss", "entropy", "time", "up", "down",
                               "clients", "model"},
                              rows, true)));
}

std::string events_section(const RunSummary& run) {
  std::map<std::string, int64_t> counts;
  std::vector<std::vector<std::string>> rows;
  for (const Event& event : run.events) {
    ++counts[event.kind];
    if (event.kind == "checkpoint") continue;
    rows.push_back({readable_time(event.time),
                    fmt::format("<span class=\"{}\">{}</span>", event_class(event.kind), escape_html(event.kind)),
                    event_text(event)});
  }
  if (rows.empty()) return "";
  if (rows.size() > kMostEvents) rows.erase(rows.begin(), rows.end() - kMostEvents);
  std::string summary;
  for (const auto& [kind, count] : counts)
    summary += fmt::format("{}{} {}", summary.empty() ? "" : ", ", count, escape_html(kind));
  return html_section("Events", "<p class=\"soft\">" + summary + ". All are in events.jsonl.</p>\n" +
                                    html_table({"time (UTC)", "event", ""}, rows, false));
}

std::string readable_time(const std::string& time) {
  std::string text = escape_html(time.substr(0, 19));
  std::replace(text.begin(), text.end(), 'T', ' ');
  return text;
}

}  // namespace archleak::sim
