#include "sim/table_runs.h"

#include <signal.h>
#include <spdlog/fmt/fmt.h>
#include <spdlog/fmt/ranges.h>
#include <sys/wait.h>

#include <chrono>
#include <filesystem>
#include <thread>

#include "core/error.h"
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

}  // namespace

bool make_needed_runs(const TablePlan& plan, const std::atomic<bool>& stop) {
  for (const NeededRun& run : plan.runs) {
    const bool begun = std::filesystem::exists(run.directory);
    if (begun && summarise(RunDirectory::open(run.directory)).state == "finished") continue;
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
