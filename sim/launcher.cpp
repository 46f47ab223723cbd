#include "sim/launcher.h"

#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstring>

#include <spdlog/fmt/fmt.h>

#include "core/error.h"

extern char** environ;

namespace archleak::sim {
namespace {

using namespace std::chrono_literals;

constexpr auto kPoll = 50ms;
constexpr auto kGrace = 5s;

pid_t start(const std::vector<std::string>& arguments) {
  std::vector<char*> words;
  std::string program = "archleak";
  words.push_back(program.data());
  for (const auto& argument : arguments) words.push_back(const_cast<char*>(argument.c_str()));
  words.push_back(nullptr);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  // A group of its own: ctrl-C reaches the coordinator alone, which drains the workers in good order.
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);
  pid_t pid = 0;
  const int error = posix_spawn(&pid, "/proc/self/exe", nullptr, &attributes, words.data(), environ);
  posix_spawnattr_destroy(&attributes);
  if (error != 0) throw Error(fmt::format("worker process: expected it to start, got: {}", std::strerror(error)));
  return pid;
}

}  // namespace

LocalWorkers::LocalWorkers(int count, const std::function<std::vector<std::string>(const std::string& name)>& arguments,
                           std::function<void(const Exit&)> on_exit)
    : on_exit_(std::move(on_exit)) {
  for (int i = 0; i < count; ++i) {
    const std::string name = fmt::format("worker-{}", i + 1);
    processes_.push_back({name, start(arguments(name))});
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
      const int code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
      const Exit ended{.name = process->name,
                       .pid = process->pid,
                       .how = WIFSIGNALED(status)
                                  ? fmt::format("signal {} ({})", WTERMSIG(status), strsignal(WTERMSIG(status)))
                                  : fmt::format("exit code {}", code),
                       .clean = code == 0,
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
