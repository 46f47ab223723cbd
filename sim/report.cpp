#include "sim/report.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "core/error.h"
#include "core/file.h"
#include "core/progress.h"
#include "sim/html.h"
#include "sim/report_charts.h"
#include "sim/run_summary.h"

namespace archleak::sim {
namespace {

constexpr size_t kMostRounds = 500;  // in the table; metrics.csv has them all
constexpr size_t kMostEvents = 200;

std::string optional_number(const std::optional<double>& value, const char* unit = "") {
  return value ? fmt::format("{:.3f}{}", *value, unit) : "-";
}

std::string card(const std::string& value, const std::string& name) {
  return "<div class=\"card\"><b>" + value + "</b><span>" + name + "</span></div>\n";
}

std::string headline(const RunSummary& run) {
  std::string cards;
  if (run.evaluated) {
    cards +=
        card(format_share(run.evaluated->test_accuracy), fmt::format("test accuracy, round {}", run.evaluated->round));
    cards += card(format_share(run.best->test_accuracy), fmt::format("best, round {}", run.best->round));
  }
  cards += card(run.progress(), "rounds");
  if (run.facts.clients > 0)
    cards += card(fmt::format("{}", run.facts.clients), fmt::format("clients on {} workers", run.facts.workers));
  cards += card(format_bytes(run.bytes_up), "sent to the coordinator");
  cards += card(format_bytes(run.bytes_down), "sent to workers");
  cards += card(format_duration(run.seconds), "in rounds");
  if (run.lost > 0)
    cards += card(std::to_string(run.lost), fmt::format("workers lost, {} clients reassigned", run.reassigned));
  if (run.last && run.last->epsilon)
    cards += card(fmt::format("{:.2f}", *run.last->epsilon), "privacy spent (epsilon)");
  return "<div class=\"cards\">\n" + cards + "</div>\n";
}

std::string head(const RunSummary& run) {
  std::string html = "<header><h1>" + escape_html(run.name) + "</h1><span class=\"state " + run.state + "\">" +
                     run.state + "</span></header>\n<p class=\"soft\">";
  const RunFacts& facts = run.facts;
  if (facts.data.empty()) return html + "The run has not come to its first round.</p>\n";
  html +=
      fmt::format("{} of {} on {}, seed {}, {}, archleak {}", escape_html(facts.workload), escape_html(facts.network),
                  escape_html(facts.data), facts.seed, escape_html(facts.device), escape_html(facts.version));
  for (const Event& event : run.events) {
    if (event.kind == "start") html += ", begun " + escape_html(event.time.substr(0, 16)) + " UTC";
  }
  return html + "</p>\n";
}

std::string curves(ReportCharts& charts) {
  const std::string figures =
      charts.accuracy() + charts.loss() + charts.alpha_entropy() + charts.bytes() + charts.seconds();
  if (!charts.complaint().empty()) {
    return "<p class=\"note\">There are no charts: " + escape_html(charts.complaint()) + "</p>\n";
  }
  return figures.empty() ? "" : html_section("Rounds", "<div class=\"charts\">\n" + figures + "</div>\n");
}

std::string genotype(const RunDirectory& run) {
  if (!std::filesystem::exists(run.genotype_drawing())) return "";
  const std::string image = html_image(read_file(run.genotype_drawing(), 16 << 20), "both cells of the genotype");
  std::string content = "<figure>" + image + "</figure>\n";
  if (std::filesystem::exists(run.genotype())) {
    content += html_details("genotype.json", "<pre>" + escape_html(read_file(run.genotype(), 1 << 20)) + "</pre>\n");
  }
  return html_section("Genotype", content);
}

std::string seconds_and_bytes(const RunSummary& run) {
  if (run.rounds.empty()) return "";
  const auto rounds = static_cast<double>(run.rounds.size());
  double client_rounds = 0;
  for (const RoundMetrics& round : run.rounds) client_rounds += static_cast<double>(round.clients);
  const auto seconds = [&](const char* name, double RoundMetrics::*member) {
    double sum = 0;
    double longest = 0;
    for (const RoundMetrics& round : run.rounds) {
      sum += round.*member;
      longest = std::max(longest, round.*member);
    }
    return std::vector<std::string>{name, fmt::format("{:.2f}", sum), fmt::format("{:.3f}", sum / rounds),
                                    fmt::format("{:.3f}", longest),
                                    run.seconds > 0 ? fmt::format("{:.0f} %", 100 * sum / run.seconds) : "-"};
  };
  const auto bytes = [&](const char* name, double sum) {
    return std::vector<std::string>{name, format_bytes(sum), format_bytes(sum / rounds),
                                    client_rounds > 0 ? format_bytes(sum / client_rounds) : "-"};
  };
  return html_section("Time", html_table({"phase", "seconds", "a round", "longest", "share"},
                                         {seconds("broadcast", &RoundMetrics::broadcast_s),
                                          seconds("train", &RoundMetrics::train_s),
                                          seconds("aggregate", &RoundMetrics::aggregate_s),
                                          seconds("evaluate", &RoundMetrics::evaluate_s),
                                          seconds("whole round", &RoundMetrics::total_s)},
                                         true)) +
         html_section("Bytes on the wire", html_table({"direction", "in all", "a round", "a client and round"},
                                                      {bytes("up, to the coordinator", run.bytes_up),
                                                       bytes("down, to workers", run.bytes_down)},
                                                      true));
}

std::string round_table(const RunSummary& run) {
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

std::string clients_section(const RunDirectory& run, ReportCharts& charts) {
  const auto clients = run.read_clients();
  if (!clients || clients->counts.empty()) return "";
  std::vector<int64_t> sizes;
  double held = 0;  // classes at a client, summed
  for (const auto& counts : clients->counts) {
    int64_t size = 0;
    for (const int64_t count : counts) {
      size += count;
      held += count > 0;
    }
    sizes.push_back(size);
  }
  std::sort(sizes.begin(), sizes.end());
  return html_section(
      "Clients", fmt::format("<p class=\"soft\">{} clients with {} to {} examples, half of them at most {}; a client "
                             "holds {:.1f} of {} classes on average.</p>\n",
                             sizes.size(), sizes.front(), sizes.back(), sizes[(sizes.size() - 1) / 2],
                             held / static_cast<double>(sizes.size()), clients->class_names.size()) +
                     charts.clients(*clients));
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

/// What decides how much whoever sits on the wire learns: the threat model beside every figure of an attack.
std::string exposure(const RunSummary& run) {
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
           {"Local training", fmt::format("{} steps a round, batches of {}", facts.local_steps, facts.batch_size)},
           {"Batch norm", "<code>" + escape_html(facts.batch_norm) + "</code>"},
           {"Clients in a round", fmt::format("{} of {}", facts.clients_per_round, facts.clients)},
           {"Defences",
            facts.defenses.empty() ? "none" : escape_html(fmt::format("{}", fmt::join(facts.defenses, ", ")))}}));
}

std::string event_text(const Event& event) {
  if (event.kind == "start" || event.kind == "resume") return "";
  std::string text;
  for (const auto& [name, value] : event.fields.items()) {
    if (!text.empty()) text += ", ";
    text += escape_html(name) + " " + escape_html(value.is_string() ? value.get<std::string>() : value.dump());
  }
  return text;
}

std::string event_class(const std::string& kind) {
  if (kind == "failed" || kind == "worker_lost" || kind == "update_refused" || kind == "task_failed") return "bad";
  if (kind == "interrupted" || kind == "task_reassigned" || kind == "worker_refused" || kind == "deadline")
    return "warn";
  return "";
}

std::string events_section(const RunSummary& run) {
  std::map<std::string, int64_t> counts;
  std::vector<std::vector<std::string>> rows;
  for (const Event& event : run.events) {
    ++counts[event.kind];
    if (event.kind == "checkpoint") continue;
    rows.push_back({escape_html(event.time.substr(0, 19)),
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

std::string files_section(const RunDirectory& run, const RunSummary& summary) {
  std::vector<std::pair<std::string, std::string>> facts;
  if (summary.last)
    facts.emplace_back("Global model", "SHA-256 <code>" + escape_html(summary.last->model_hash) + "</code>");
  const auto path = [&](const char* name, const std::filesystem::path& file) {
    if (std::filesystem::exists(file))
      facts.emplace_back(name, "<code>" + escape_html(file.filename().string()) + "</code>");
  };
  path("Weights", run.weights());
  path("Genotype", run.genotype());
  path("Rounds", run.metrics());
  path("Events", run.events());
  path("Clients", run.clients());
  path("Partition", run.partition());
  path("Checkpoints", run.checkpoints());
  std::string content = html_facts(facts);
  if (std::filesystem::exists(run.config())) {
    content += html_details("Configuration: config.toml",
                            "<pre>" + escape_html(read_file(run.config(), 16 << 20)) + "</pre>\n");
  }
  return html_section("Files beside this page", content);
}

}  // namespace

std::string render_report(const RunDirectory& run) {
  const RunSummary summary = summarise(run);
  ReportCharts charts(summary);
  return html_page(summary.name + " - ArchLeak", head(summary) + headline(summary) + curves(charts) + genotype(run) +
                                                     clients_section(run, charts) + exposure(summary) +
                                                     seconds_and_bytes(summary) + round_table(summary) +
                                                     events_section(summary) + files_section(run, summary));
}

void write_report(const RunDirectory& run) {
  write_file_atomically(run.report(), render_report(run));
}

}  // namespace archleak::sim
