#include "sim/show_command.h"

#include <spdlog/fmt/fmt.h>

#include <memory>
#include <vector>

#include "core/file.h"
#include "core/progress.h"
#include "nas/genotype.h"
#include "sim/html.h"
#include "sim/report.h"
#include "sim/run_summary.h"

namespace archleak::sim {
namespace {

/// One line for each node of a cell: "    node 2: sep_conv_3x3 from 0, skip_connect from 1".
std::string describe_cell(const char* name, const std::vector<nas::Genotype::Edge>& edges) {
  std::string text = fmt::format("  {} cell\n", name);
  for (size_t i = 0; i + 1 < edges.size(); i += 2) {
    text += fmt::format("    node {}: {} from {}, {} from {}\n", i / 2 + 2, edges[i].operation, edges[i].from,
                        edges[i + 1].operation, edges[i + 1].from);
  }
  return text;
}

std::string describe_genotype(const std::filesystem::path& file) {
  if (!std::filesystem::exists(file)) return "genotype   none\n";
  const nas::Genotype genotype = nas::genotype_from_json(read_file(file, 1 << 20), file.string());
  return "genotype   " + file.string() + "\n" + describe_cell("normal", genotype.normal) +
         describe_cell("reduce", genotype.reduce);
}

std::string line(const char* name, const std::string& value) {
  return fmt::format("{:<10} {}\n", name, value);
}

std::string where(const char* name, const std::filesystem::path& file) {
  return std::filesystem::exists(file) ? line(name, file.string()) : "";
}

/// "0: 10.0 %, 4: 52.3 %, 9: 81.0 %": at most ten rounds, evenly spaced, the last among them.
std::string accuracy_by_round(const std::vector<RoundMetrics>& rounds) {
  constexpr size_t kMost = 10;
  const size_t stride = (rounds.size() + kMost - 1) / kMost;
  std::string text;
  for (size_t i = 0; i < rounds.size(); ++i) {
    if ((rounds.size() - 1 - i) % stride != 0) continue;
    text += fmt::format("{}{}: {}", text.empty() ? "" : ", ", rounds[i].round, format_share(rounds[i].test_accuracy));
  }
  return text;
}

}  // namespace

std::string describe_run(const RunDirectory& run) {
  const RunSummary summary = summarise(run);
  std::string text = line("run", fmt::format("{} ({})", summary.name, summary.state));
  text += line("rounds", fmt::format("{}, {}", summary.progress(), format_duration(summary.seconds)));
  if (summary.evaluated) {
    text += line("accuracy", fmt::format("{} after round {} (best {} after round {})",
                                         format_share(summary.evaluated->test_accuracy), summary.evaluated->round,
                                         format_share(summary.best->test_accuracy), summary.best->round));
    text += line("by round", accuracy_by_round(summary.rounds));
  }
  text +=
      line("bytes", fmt::format("{} up, {} down", format_bytes(summary.bytes_up), format_bytes(summary.bytes_down)));
  for (const auto& defense : summary.facts.defenses) text += line("defence", defense);
  if (summary.last && summary.last->epsilon) text += line("epsilon", fmt::format("{:.3f}", *summary.last->epsilon));
  if (summary.last) text += line("model", summary.last->model_hash);
  text += describe_genotype(run.genotype());
  return text + where("drawing", run.genotype_drawing()) + where("weights", run.weights()) +
         where("metrics", run.metrics()) + where("events", run.events()) + where("capture", run.capture()) +
         where("report", run.report());
}

void add_report_command(CLI::App& app) {
  CLI::App* command = app.add_subcommand("report", "Render the HTML report of a run");
  const auto folder = std::make_shared<std::string>();
  command->add_option("DIR", *folder, "run directory")->required();
  command->callback([folder] {
    const RunDirectory run = RunDirectory::open(*folder);
    write_report(run);
    fmt::print("{}\n", run.report().string());
  });
}

void add_search_command(CLI::App& app) {
  CLI::App* search = app.add_subcommand("search", "Look at a search");
  search->require_subcommand(1);
  CLI::App* command = search->add_subcommand("show", "Print a run's genotype, accuracy, model hash and files");
  const auto folder = std::make_shared<std::string>();
  command->add_option("DIR", *folder, "run directory")->required();
  command->callback([folder] { fmt::print("{}", describe_run(RunDirectory::open(*folder))); });
}

}  // namespace archleak::sim
