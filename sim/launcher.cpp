#include "sim/launcher.h"

#include <signal.h>
#include <spdlog/fmt/fmt.h>
#include <sys/wait.h>

#include <chrono>

#include "sim/spawn.h"

namespace archleak::sim {
namespace {

using namespace std::chrono_literals;

constexpr auto kPoll = 50ms;
constexpr auto kGrace = 5s;

}  // namespace

LocalWorkers::LocalWorkers(int count, const std::function<std::vector<std::string>(const std::string& name)>& arguments,
                           std::function<void(const Exit&)> on_exit)
    : on_exit_(std::move(on_exit)) {
  for (int i = 0; i < count; ++i) {
    const std::string name = fmt::format("worker-{}", i + 1);
    processes_.push_back({name, spawn_archleak(arguments(name))});
  }
  watcher_ = std::thread([this] { watch(); });
}

LocalWorkers::~LocalWorkers() {
  ending_ = true;
  watcher_.join();
}

void LocalWorkers::watch() {
  std::chrono::steady_clock::time_point ending_since{};
  int signals_sent = 0;
  while (!processes_.empty()) {
    for (auto process = processes_.begin(); process != processes_.end();) {
      int status = 0;
      if (waitpid(process->pid, &status, WNOHANG) != process->pid) {
        ++process;
        continue;
      }
      const Exit ended{.name = process->name,
                       .pid = process->pid,
                       .how = describe_exit(status),
                       .clean = signals_sent > 0 || (WIFEXITED(status) && WEXITSTATUS(status) == 0),
                       .left = static_cast<int64_t>(processes_.size()) - 1};
      process = processes_.erase(process);
      on_exit_(ended);
    }
    if (ending_) {
      const auto now = std::chrono::steady_clock::now();
      if (ending_since == std::chrono::steady_clock::time_point{}) ending_since = now;
      if (signals_sent < 2 && now - ending_since > kGrace * (signals_sent + 1)) {
        // SIGCONT first: a stopped process does not see SIGTERM.
        for (const auto& process : processes_) {
          ::kill(process.pid, SIGCONT);
          ::kill(process.pid, signals_sent == 0 ? SIGTERM : SIGKILL);
        }
        ++signals_sent;
      }
    }
    std::this_thread::sleep_for(kPoll);
  }
}

}  // namespace archleak::sim
