#include "sim/table_command.h"

#include <spdlog/fmt/fmt.h>
#include <spdlog/fmt/ranges.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <thread>

#include "core/file.h"
#include "core/log.h"
#include "sim/stop_signal.h"
#include "sim/tables/table_files.h"
#include "sim/tables/table_render.h"
#include "sim/tables/table_reuse.h"
#include "sim/tables/table_runner.h"

namespace archleak::sim {
namespace {

namespace fs = std::filesystem;

constexpr const char* kRequest = "request";  // under which the file of results keeps what was asked for
constexpr uint64_t kMaxTableBytes = 1 << 20;

/// The command line; what is absent there comes from the earlier run on --resume, else from the defaults.
struct TableArguments {
  std::string name;
  std::string out;
  std::optional<std::string> scale;
  std::optional<int64_t> trials;
  std::optional<uint64_t> seed;
  std::vector<std::string> overrides;
  std::vector<std::string> reuse;  ///< folders of other tables
  bool resume = false;
  int jobs = 0;
};

TableRequest new_request(const TableArguments& arguments) {
  TableRequest request;
  request.file = find_table(arguments.name).string();
  try {
    request.document = read_file(request.file, kMaxTableBytes);
  } catch (const DataError& error) {
    throw ConfigError(error.what());
  }
  if (arguments.scale) request.scale = *arguments.scale;
  if (arguments.seed) request.seed = *arguments.seed;
  request.trials = arguments.trials;
  request.overrides = arguments.overrides;
  return request;
}

/// What the earlier run was asked for, where the command line does not say otherwise. The table is that of today.
void complete(const TableArguments& arguments, const ResultsStore& store, TableRequest& request) {
  const auto text = store.recall(kRequest);
  if (!text) return;
  const TableRequest earlier = request_from_text(*text, store.file().string());
  if (!arguments.scale) request.scale = earlier.scale;
  if (!arguments.seed) request.seed = earlier.seed;
  if (!arguments.trials) request.trials = earlier.trials;
  if (arguments.overrides.empty()) request.overrides = earlier.overrides;
}

TableResults render(const TablePlan& plan, const ResultsStore& store, const fs::path& folder) {
  TableResults table = collect_table(plan, store);
  write_table(folder, table, store);
  fmt::print("{}\n{}\n", render_text(table), (folder / "table.html").string());
  std::fflush(stdout);  // what is said of the run comes after it, also in a file
  return table;
}

std::string quoted(const std::string& word) {
  std::string text = "'";
  for (const char character : word) text += character == '\'' ? std::string("'\\''") : std::string(1, character);
  return word.find_first_of(" '\"$\\;&|<>()*?[]#~!`\t\n") == std::string::npos ? word : text + "'";
}

int run(const TableArguments& arguments, const std::vector<Experiment>& experiments, const TablePreparation& prepare) {
  TableRequest request = new_request(arguments);
  const std::string id = parse_table(request.document, request.file).id;
  const fs::path folder =
      arguments.out.empty() ? fs::path("tables") / fmt::format("{}-{}", id, request.scale) : fs::path(arguments.out);
  const fs::path file = folder / kResultsFile;
  if (fs::exists(file) != arguments.resume) {
    throw ConfigError(
        arguments.resume
            ? fmt::format("{}: expected a table to resume, got none; run it without --resume", folder.string())
            : fmt::format("{}: expected no table there, got one; continue it with --resume, or name "
                          "another folder with --out",
                          folder.string()));
  }
  if (!arguments.resume) plan_table(request, experiments);  // so that nothing is made for what cannot run
  fs::create_directories(folder);
  ResultsStore store(file);
  if (arguments.resume) complete(arguments, store, request);
  const TablePlan plan = plan_table(request, experiments);
  store.remember(kRequest, to_text(request));
  for (const std::string& other : arguments.reuse) {
    fmt::print(stderr, "{} trials are taken from {}\n", reuse_results(plan, other, store), other);
  }
  const auto jobs =
      arguments.jobs > 0 ? arguments.jobs : static_cast<int>(std::max(1U, std::thread::hardware_concurrency()));
  const auto& stop = install_stop_signals();
  RunnerOutcome outcome;
  const int64_t left = trials_left(plan, store);
  if (left == 0 || prepare(plan, stop)) {
    outcome =
        run_table(plan, find_experiment(experiments, plan.spec.experiment, request.file), store, {.jobs = jobs}, stop);
  } else {
    outcome.left = left;
  }
  render(plan, store, folder);
  const std::string again =
      fmt::format("archleak table {} --out {} --resume", quoted(arguments.name), quoted(folder.string()));
  if (outcome.left > 0) {
    fmt::print(stderr, "stopped; {} trials are left: {}\n", outcome.left, again);
    return static_cast<int>(ExitCode::interrupted);
  }
  if (outcome.failed > 0) {
    fmt::print(stderr, "{} trials failed; to run them again: {}\n", outcome.failed, again);
    return static_cast<int>(ExitCode::failure);
  }
  return static_cast<int>(ExitCode::success);
}

void show(const std::string& path, const std::vector<Experiment>& experiments) {
  const ResultsStore store(fs::path(path) / kResultsFile, ResultsStore::Open::existing);
  const auto text = store.recall(kRequest);
  if (!text) throw DataError(store.file().string() + ": expected what was asked for, got none; run the table again");
  render(plan_table(request_from_text(*text, store.file().string()), experiments), store, path);
}

/// "yes", or why a table of these ids cannot be run.
std::string state_of(const std::vector<std::string>& ids, const std::map<std::string, fs::path>& tables,
                     const std::vector<Experiment>& experiments) {
  for (const std::string& id : ids) {
    const auto found = tables.find(id);
    if (found == tables.end()) continue;
    try {
      plan_table({.document = read_file(found->second, kMaxTableBytes), .file = found->second.string()}, experiments);
      return "yes";
    } catch (const Error& error) {
      return error.what();
    }
  }
  return "";
}

void list(const std::vector<Experiment>& experiments) {
  constexpr const char* kRow = "  {:<8} {:<28} {}\n";
  const fs::path folder = find_table_folder();
  auto tables = list_tables(folder);
  for (const CataloguePaper& paper : read_catalogue(folder)) {
    fmt::print("{}\n", paper.title);
    for (const CatalogueEntry& entry : paper.entries) {
      const std::string state = state_of(entry.ids, tables, experiments);
      fmt::print(kRow, state == "yes" ? "runs" : "-", fmt::format("{}", fmt::join(entry.ids, " ")), entry.reports);
      if (!entry.expected.empty()) fmt::print(kRow, "", "", "published: " + entry.expected);
      if (!state.empty() && state != "yes") fmt::print(kRow, "", "", "cannot run: " + state);
      for (const std::string& id : entry.ids) tables.erase(id);
    }
    fmt::print("\n");
  }
  for (const auto& [id, file] : tables) {
    const std::string state = state_of({id}, tables, experiments);
    fmt::print(kRow, state == "yes" ? "runs" : "-", id, state == "yes" ? file.string() : state);
  }
  fmt::print("Run one with `archleak table ID`.\n");
}

}  // namespace

void add_table_command(CLI::App& app, std::vector<Experiment> experiments, TablePreparation prepare, int& exit_code) {
  CLI::App* table =
      app.add_subcommand("table", "Run a table of experiments; list those that the papers have; show one");
  table->require_subcommand(0, 1);
  const auto known = std::make_shared<const std::vector<Experiment>>(std::move(experiments));
  const auto arguments = std::make_shared<TableArguments>();
  table->add_option("NAME", arguments->name, "id of a table (archleak table list), or its TOML file");
  table->add_option("--scale", arguments->scale, "smoke (does it run), small (two cores, the default) or paper")
      ->check(CLI::IsMember(scale_names()));
  table->add_flag("--resume", arguments->resume, "continue an earlier run: only what is missing or failed is run");
  table->add_option("--out", arguments->out, "folder for results; default: tables/<id>-<scale>");
  table
      ->add_option("--reuse", arguments->reuse,
                   "folder of another table, whose results are taken where settings and seed agree (may be repeated)")
      ->allow_extra_args(false)
      ->type_name("DIR");
  table->add_option("--jobs", arguments->jobs, "trials side by side; default: as many as there are cores")
      ->check(CLI::Range(1, 1024));
  table->add_option("--trials", arguments->trials, "trials of each cell, instead of the scale's")
      ->check(CLI::Range(int64_t{1}, int64_t{1000000}));
  table->add_option("--seed", arguments->seed, "seed of everything that is drawn; default: 1");
  table->add_option("--set", arguments->overrides, "override one setting of the experiment (may be repeated)")
      ->allow_extra_args(false)
      ->type_name("KEY=VALUE");

  CLI::App* listing = table->add_subcommand("list", "List the papers' tables and figures, and which can be run");
  listing->callback([known] { list(*known); });

  CLI::App* showing = table->add_subcommand("show", "Render a table again from its results, finished or not");
  const auto folder = std::make_shared<std::string>();
  showing->add_option("DIR", *folder, "folder of a table")->required();
  showing->callback([known, folder] { show(*folder, *known); });

  table->callback([table, known, arguments, prepare = std::move(prepare), &exit_code] {
    if (!table->get_subcommands().empty()) return;
    if (arguments->name.empty()) throw ConfigError("table: expected NAME, list or show, got none");
    start_logging("table", "warn");
    exit_code = run(*arguments, *known, prepare);
  });
}

}  // namespace archleak::sim
