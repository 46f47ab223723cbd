#include "sim/run_command.h"

#include <spdlog/spdlog.h>
#include <unistd.h>

#include <memory>
#include <optional>
#include <zmq.hpp>

#include "client/worker.h"
#include "core/error.h"
#include "core/file.h"
#include "core/log.h"
#include "sim/federated_run.h"
#include "sim/setup.h"
#include "sim/stop_signal.h"
#include "wire/keys.h"
#include "wire/options.h"

namespace archleak::sim {
namespace {

/// The command line of `run`, `resume` and `coordinator`.
struct RunArguments {
  std::string config;
  std::string out;
  std::vector<std::string> overrides;
  std::string bind;
  bool overwrite = false;
  bool resume = false;
  int workers = -1;
};

struct WorkerArguments {
  std::string connect;
  std::string name;
  std::string keys;
  std::string log;
  std::string log_level = "info";
  int slots = 1;
  double give_up_s = 60;
};

std::filesystem::path default_directory(const std::string& config) {
  return std::filesystem::path("runs") / std::filesystem::path(config).stem();
}

int start_run(const RunArguments& arguments, bool with_workers) {
  RunRequest request{.config = {}, .resolved = {}, .resume = false, .local_workers = 0, .bind = arguments.bind};
  request.config = load_run_config(arguments.config, arguments.overrides, &request.resolved);
  const auto path = arguments.out.empty() ? default_directory(arguments.config) : std::filesystem::path(arguments.out);
  RunDirectory directory = RunDirectory::create(path, arguments.overwrite);
  write_file_atomically(directory.config(), request.resolved);
  if (with_workers) request.local_workers = arguments.workers >= 0 ? arguments.workers : request.config.workers.count;
  return run_federated(request, directory, install_stop_signals());
}

int resume_run(const std::string& path, int workers, const std::string& bind, bool with_workers) {
  RunDirectory directory = RunDirectory::open(path);
  RunRequest request{.config = {}, .resolved = {}, .resume = true, .local_workers = 0, .bind = bind};
  request.config = load_run_config(directory.config(), {}, &request.resolved);
  if (with_workers) request.local_workers = workers >= 0 ? workers : request.config.workers.count;
  return run_federated(request, directory, install_stop_signals());
}

/// A name that no other worker has: host, process.
std::string unique_name() {
  char host[256] = {};
  gethostname(host, sizeof host - 1);
  return fmt::format("{}-{}", host, ::getpid());
}

int run_worker_process(const WorkerArguments& arguments) {
  client::WorkerOptions options{.connect = arguments.connect,
                                .name = arguments.name.empty() ? unique_name() : arguments.name,
                                .slots = arguments.slots,
                                .give_up_s = arguments.give_up_s};
  start_logging(options.name, arguments.log_level, arguments.log);
  wire::WireOptions wire_options;
  wire_options.url = arguments.connect;
  if (!arguments.keys.empty()) {
    wire_options.keys = arguments.keys;
    wire_options.curve = wire::Curve::on;
  }
  zmq::context_t context;
  const auto exit =
      client::run_worker(context, options, wire::worker_keys(wire_options), make_worker_plan, install_stop_signals());
  spdlog::info("left: {}", exit.reason);
  return static_cast<int>(exit.drained ? ExitCode::success : ExitCode::interrupted);
}

int print_keys(const RunArguments& arguments) {
  Config config = arguments.config.empty() ? Config::parse("", "defaults", arguments.overrides)
                                           : Config::load(arguments.config, arguments.overrides);
  RunConfig run;
  describe(config.root(), run);
  config.reject_unknown();
  std::string section;
  for (const auto& key : config.keys()) {
    const size_t dot = key.path.rfind('.');
    if (key.path.substr(0, dot) != section) fmt::print("\n[{}]\n", section = key.path.substr(0, dot));
    fmt::print("{:<34} # {} ({})\n", key.path.substr(dot + 1) + " = " + key.value, key.description, key.type);
  }
  return static_cast<int>(ExitCode::success);
}

void add_overrides(CLI::App& command, RunArguments& arguments) {
  command.add_option("--set", arguments.overrides, "override one key: section.key=value (may be repeated)")
      ->allow_extra_args(false)
      ->type_name("KEY=VALUE");
}

void add_new_run_options(CLI::App& command, RunArguments& arguments) {
  command.add_option("config", arguments.config, "configuration file (TOML)")->required();
  command.add_option("--out", arguments.out, "run directory; default: runs/<name of the configuration file>");
  command.add_flag("--overwrite", arguments.overwrite, "remove an earlier run in that directory first");
  command.add_option("--bind", arguments.bind, "the coordinator's address, instead of wire.url");
  add_overrides(command, arguments);
}

}  // namespace

void add_run_commands(CLI::App& app, int& exit_code) {
  const auto arguments = std::make_shared<RunArguments>();
  const auto worker_arguments = std::make_shared<WorkerArguments>();

  CLI::App* const run = app.add_subcommand("run", "Run a configuration: coordinator and workers on this machine");
  add_new_run_options(*run, *arguments);
  run->add_option("--workers", arguments->workers, "worker processes, instead of workers.count")
      ->check(CLI::Range(1, 1024));
  run->callback([arguments, &exit_code] { exit_code = start_run(*arguments, true); });

  CLI::App* const resume = app.add_subcommand("resume", "Continue an interrupted run");
  resume->add_option("directory", arguments->out, "run directory")->required();
  resume->add_option("--workers", arguments->workers, "worker processes, instead of workers.count")
      ->check(CLI::Range(1, 1024));
  resume->callback([arguments, &exit_code] { exit_code = resume_run(arguments->out, arguments->workers, {}, true); });

  CLI::App* const coordinator =
      app.add_subcommand("coordinator", "Run the coordinator alone; workers are started by hand, on any machine");
  coordinator->add_option("config", arguments->config, "configuration file (TOML); not with --resume");
  coordinator->add_option("--out", arguments->out, "run directory; default: runs/<name of the configuration file>");
  coordinator->add_flag("--overwrite", arguments->overwrite, "remove an earlier run in that directory first");
  coordinator->add_flag("--resume", arguments->resume, "continue the run in --out");
  coordinator->add_option("--bind", arguments->bind, "the coordinator's address, instead of wire.url");
  add_overrides(*coordinator, *arguments);
  coordinator->callback([arguments, &exit_code] {
    if (arguments->resume == !arguments->config.empty()) {
      throw ConfigError("coordinator: expected a configuration file, or --resume with --out DIR");
    }
    if (arguments->resume && arguments->out.empty())
      throw ConfigError("coordinator --resume: expected --out DIR, got none");
    exit_code =
        arguments->resume ? resume_run(arguments->out, 0, arguments->bind, false) : start_run(*arguments, false);
  });

  CLI::App* const worker = app.add_subcommand("worker", "Run one worker of a coordinator");
  worker->add_option("--connect", worker_arguments->connect, "the coordinator's address (tcp://host:port, ipc://path)")
      ->required();
  worker->add_option("--name", worker_arguments->name, "what the coordinator calls it; default: host and process");
  worker->add_option("--slots", worker_arguments->slots, "clients side by side")->check(CLI::Range(1, 256));
  worker->add_option("--keys", worker_arguments->keys, "folder with worker.key and coordinator.pub: use CURVE");
  worker->add_option("--give-up", worker_arguments->give_up_s,
                     "leave when the coordinator is silent for so many seconds");
  worker->add_option("--log", worker_arguments->log, "log file, besides the console");
  worker->add_option("--log-level", worker_arguments->log_level, "trace, debug, info, warn, error or off");
  worker->callback([worker_arguments, &exit_code] { exit_code = run_worker_process(*worker_arguments); });

  CLI::App* const config = app.add_subcommand("config", "List every configuration key with its value");
  config->add_option("config", arguments->config, "configuration file; without: the defaults");
  add_overrides(*config, *arguments);
  config->callback([arguments, &exit_code] { exit_code = print_keys(*arguments); });
}

}  // namespace archleak::sim
