#include "sim/table_runs.h"

#include <signal.h>
#include <spdlog/fmt/fmt.h>
#include <spdlog/fmt/ranges.h>
#include <sys/wait.h>

#include <chrono>
#include <filesystem>
#include <thread>

#include "core/error.h"
#include "sim/run_config.h"
#include "sim/run_summary.h"
#include "sim/spawn.h"

namespace archleak::sim {
namespace {

using namespace std::chrono_literals;

/// Runs this program with `arguments` to its end, passing a stop on; its status.
int run_archleak(const std::vector<std::string>& arguments, const std::atomic<bool>& stop) {
  const pid_t child = spawn_archleak(arguments);
  bool told = false;
  int status = 0;
  while (waitpid(child, &status, WNOHANG) == 0) {
    if (stop && !told) {
      kill(child, SIGTERM);
      told = true;
    }
    std::this_thread::sleep_for(50ms);
  }
  return status;
}

/// What decides the model that comes out, with the place of the data and how it is computed left out.
std::string essence(const std::filesystem::path& config) {
  RunConfig run = load_run_config(config, {}, nullptr);
  const RunConfig defaults;
  run.name = defaults.name;
  run.log_level = defaults.log_level;
  run.data.root = defaults.data.root;
  run.workers = defaults.workers;
  run.wire = defaults.wire;
  run.tap = defaults.tap;
  return resolved(run);
}

/// Throws ConfigError unless the run in `directory` is one of `config`: trials are known by the directory's name.
void expect_run_of(const std::string& config, const RunDirectory& directory) {
  if (essence(directory.config()) == essence(config)) return;
  throw ConfigError(
      fmt::format("{}: expected the run of {}, got one of another configuration; move it away, and the "
                  "table makes its own",
                  directory.path().string(), config));
}

}  // namespace

bool make_needed_runs(const TablePlan& plan, const std::atomic<bool>& stop) {
  for (const NeededRun& run : plan.runs) {
    const bool begun = std::filesystem::exists(run.directory);
    if (begun) {
      const RunDirectory directory = RunDirectory::open(run.directory);
      if (!run.chosen) expect_run_of(run.config, directory);
      if (summarise(directory).state == "finished") continue;
    }
    const std::vector<std::string> arguments =
        begun ? std::vector<std::string>{"resume", run.directory}
              : std::vector<std::string>{"run", run.config, "--out", run.directory};
    fmt::print(stderr, "the table needs the run in {}: archleak {}\n", run.directory, fmt::join(arguments, " "));
    const int status = run_archleak(arguments, stop);
    if (stop) return false;
    if (status != 0) {
      throw Error(fmt::format("{}: expected this run to end well, got {}", run.directory, describe_exit(status)));
    }
  }
  return true;
}

}  // namespace archleak::sim
