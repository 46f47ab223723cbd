#include "sim/tap_process.h"

#include <signal.h>
#include <spdlog/spdlog.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>

#include "core/error.h"
#include "sim/spawn.h"

namespace archleak::sim {
namespace {

using namespace std::chrono_literals;

constexpr auto kPoll = 50ms;
constexpr auto kGrace = 60s;  // for a slow disk at the end
constexpr int kRestarts = 5;

}  // namespace

TapProcess::TapProcess(Arguments arguments, std::function<void(const std::string& how)> on_death)
    : arguments_(std::move(arguments)), on_death_(std::move(on_death)) {
  const std::string url = start();
  if (url.empty()) {
    int status = 0;
    ::waitpid(pid_, &status, 0);
    throw TransportError(fmt::format("tap: expected it to listen at {}, got {} (see {})", arguments_.listen,
                                     describe_exit(status), arguments_.log));
  }
  arguments_.listen = url;
  watcher_ = std::thread([this] { watch(); });
}

TapProcess::~TapProcess() {
  ending_ = true;
  watcher_.join();
}

/// Returns the address at which it listens; empty if it ended instead.
std::string TapProcess::start() {
  int pair[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0) {
    throw TransportError(fmt::format("tap: expected a line to it, got: {}", std::strerror(errno)));
  }
  line_ = attacks::Descriptor(pair[0]);
  attacks::Descriptor theirs(pair[1]);
  pid_ = spawn_archleak({"tap", "--listen", arguments_.listen, "--connect", arguments_.connect, "--out",
                         arguments_.capture, "--buffer", std::to_string(arguments_.buffer_mib), "--log", arguments_.log,
                         "--log-level", arguments_.log_level, "--line", std::to_string(kChildDescriptor)},
                        theirs.get());
  theirs.reset();  // or its end would not be seen
  std::string url;
  for (char character = 0;;) {
    const ssize_t count = ::read(line_.get(), &character, 1);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return {};
    if (character == '\n') return url;
    url += character;
  }
}

void TapProcess::watch() {
  int starts = 0;
  std::chrono::steady_clock::time_point ending_since{};
  while (true) {
    int status = 0;
    if (::waitpid(pid_, &status, WNOHANG) == pid_) {
      const bool clean = WIFEXITED(status) && WEXITSTATUS(status) == 0;
      if (!(ending_ && clean)) on_death_(describe_exit(status));
      if (ending_) return;
      if (starts++ == kRestarts) {
        spdlog::error("tap: ended {} times; it is not started again, and workers cannot reach the coordinator", starts);
        return;
      }
      try {
        start();
      } catch (const std::exception& error) {
        spdlog::error("{}", error.what());
        return;
      }
    }
    if (ending_) {
      const auto now = std::chrono::steady_clock::now();
      if (ending_since == std::chrono::steady_clock::time_point{}) {
        ending_since = now;
        line_.reset();
        ::kill(pid_, SIGCONT);  // a stopped process would not see it
      } else if (now - ending_since > kGrace) {
        ::kill(pid_, SIGKILL);
      }
    }
    std::this_thread::sleep_for(kPoll);
  }
}

}  // namespace archleak::sim
