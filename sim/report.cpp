#include "sim/report.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "core/file.h"
#include "core/progress.h"
#include "sim/attack/attack_results.h"
#include "sim/html.h"
#include "sim/report_charts.h"
#include "sim/report_sections.h"
#include "sim/run_summary.h"

namespace archleak::sim {
namespace {

std::string headline(const RunSummary& run) {
  std::string cards;
  if (run.evaluated) {
    cards += html_card(format_share(run.evaluated->test_accuracy),
                       fmt::format("test accuracy, round {}", run.evaluated->round));
    cards += html_card(format_share(run.best->test_accuracy), fmt::format("best, round {}", run.best->round));
  }
  cards += html_card(run.progress(), "rounds");
  if (run.facts.clients > 0)
    cards += html_card(fmt::format("{}", run.facts.clients), fmt::format("clients on {} workers", run.facts.workers));
  cards += html_card(format_bytes(run.bytes_up), "sent to the coordinator");
  cards += html_card(format_bytes(run.bytes_down), "sent to workers");
  cards += html_card(format_duration(run.seconds), "in rounds");
  if (run.lost > 0)
    cards += html_card(std::to_string(run.lost), fmt::format("workers lost, {} clients reassigned", run.reassigned));
  if (run.last && run.last->epsilon)
    cards += html_card(fmt::format("{:.2f}", *run.last->epsilon), "privacy spent (epsilon), see the defences");
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
    if (event.kind == "start") html += ", begun " + readable_time(event.time) + " UTC";
  }
  return html + "</p>\n";
}

std::string grid(const std::string& figures) {
  return figures.empty() ? "" : "<div class=\"charts\">\n" + figures + "</div>\n";
}

std::string curves(ReportCharts& charts) {
  const std::string figures = grid(charts.accuracy() + charts.loss());
  return figures.empty() ? "" : html_section("Learning", figures);
}

/// How the architecture went: the entropy of alpha by round, and the genotype once there is one.
std::string architecture(const RunDirectory& run, const RunSummary& summary, ReportCharts& charts) {
  std::string content;
  if (std::filesystem::exists(run.genotype_drawing())) {
    content += "<figure>" +
               html_image(read_file(run.genotype_drawing(), 16 << 20), "image/svg+xml", "both cells of the genotype") +
               "</figure>\n";
  }
  if (std::filesystem::exists(run.genotype())) {
    content += html_details("genotype.json", "<pre>" + escape_html(read_file(run.genotype(), 1 << 20)) + "</pre>\n");
  }
  const auto measured = [](const RoundMetrics& round) { return round.alpha_entropy.has_value(); };
  const auto first = std::find_if(summary.rounds.begin(), summary.rounds.end(), measured);
  const auto last = std::find_if(summary.rounds.rbegin(), summary.rounds.rend(), measured);
  if (first != summary.rounds.end()) {
    const std::string facts =
        html_facts({{"First", fmt::format("{:.3f} nats, round {}", *first->alpha_entropy, first->round)},
                    {"Last", fmt::format("{:.3f} nats, round {}", *last->alpha_entropy, last->round)},
                    {"Undecided", fmt::format("{:.3f} nats: log 8, all operations alike", std::log(8))}});
    content += grid(charts.alpha_entropy() + "<div class=\"beside\">" + facts + "</div>\n");
  }
  return content.empty() ? "" : html_section("Architecture", content);
}

std::string cost(const RunSummary& run, ReportCharts& charts) {
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
  return html_section(
      "Time and bytes",
      grid(charts.seconds() + charts.bytes()) +
          html_table({"phase", "seconds", "a round", "longest", "share"},
                     {seconds("broadcast", &RoundMetrics::broadcast_s), seconds("train", &RoundMetrics::train_s),
                      seconds("aggregate", &RoundMetrics::aggregate_s), seconds("evaluate", &RoundMetrics::evaluate_s),
                      seconds("whole round", &RoundMetrics::total_s)},
                     true) +
          html_table({"bytes on the wire", "in all", "a round", "a client and round"},
                     {bytes("up, to the coordinator", run.bytes_up), bytes("down, to workers", run.bytes_down)}, true));
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
  const std::string learning = curves(charts);
  const std::string cells = architecture(run, summary, charts);
  const std::string clients = clients_section(run, charts);
  const std::string costs = cost(summary, charts);
  const std::string note =
      charts.complaint().empty()
          ? ""
          : "<p class=\"note\">Some charts are missing: " + escape_html(charts.complaint()) + "</p>\n";
  return html_page(summary.name + " - ArchLeak", head(summary) + headline(summary) + note + learning + cells +
                                                     attack_section(run.attack()) + clients +
                                                     exposure_section(summary) + costs + rounds_section(summary) +
                                                     events_section(summary) + files_section(run, summary));
}

void write_report(const RunDirectory& run) {
  write_file_atomically(run.report(), render_report(run));
}

}  // namespace archleak::sim
