#include "sim/tap_command.h"

#include <spdlog/spdlog.h>
#include <unistd.h>

#include <memory>

#include "attacks/eavesdropper/tap.h"
#include "core/error.h"
#include "core/log.h"
#include "sim/stop_signal.h"

namespace archleak::sim {
namespace {

struct TapArguments {
  attacks::TapPlace place{.listen = {}, .connect = {}, .capture = {}, .program_version = ARCHLEAK_VERSION};
  std::string capture;
  int64_t buffer_mib = attacks::TapOptions().buffer_mib;
  int line = -1;
  std::string log;
  std::string log_level = "info";
};

/// Tells the process that started us where we listen; it sees our end, and we see its end, on the same line.
void announce(int line, const std::string& url) {
  const std::string text = url + "\n";
  if (::write(line, text.data(), text.size()) != static_cast<ssize_t>(text.size())) {
    throw TransportError("tap: expected somebody to report to, got nobody");
  }
}

void print_end(const attacks::TapEnd& end, const std::string& capture) {
  spdlog::info("{} connections, {} bytes up, {} bytes down; {}: {} bytes recorded, {} left out",
               end.relayed.connections, end.relayed.up, end.relayed.down, capture, end.recorded.recorded,
               end.recorded.lost);
  if (end.recorded.lost > 0) {
    spdlog::warn("{} bytes went by unrecorded; the capture has gaps where they were", end.recorded.lost);
  }
}

int run_tap(TapArguments arguments) {
  start_logging("tap", arguments.log_level, arguments.log);
  const auto& stop = install_stop_signals();
  arguments.place.capture = arguments.capture;
  attacks::Tap tap(arguments.place, arguments.buffer_mib);
  if (arguments.line >= 0) {
    announce(arguments.line, tap.url());
  } else {
    fmt::print("workers connect to {}; stop with ctrl-C\n", tap.url());
    std::fflush(stdout);
  }
  const attacks::TapEnd end = tap.run(stop, arguments.line);
  print_end(end, arguments.capture);
  if (!end.recorded.disk_failure.empty()) throw Error("the capture is incomplete: " + end.recorded.disk_failure);
  return static_cast<int>(ExitCode::success);
}

}  // namespace

void add_tap_command(CLI::App& app, int& exit_code) {
  const auto arguments = std::make_shared<TapArguments>();
  CLI::App* const tap =
      app.add_subcommand("tap", "Listen on the wire: relay between workers and coordinator, and record what goes by");
  tap->add_option("--listen", arguments->place.listen, "where workers connect to (tcp://host:port, ipc://path)")
      ->required();
  tap->add_option("--connect", arguments->place.connect, "the coordinator's address")->required();
  tap->add_option("--out", arguments->capture, "capture file; one that exists gets a further segment")->required();
  tap->add_option("--buffer", arguments->buffer_mib, "MiB that may wait for a slow disk")
      ->check(CLI::Range(1, 1 << 20))
      ->capture_default_str();
  tap->add_option("--log", arguments->log, "log file, besides the console");
  tap->add_option("--log-level", arguments->log_level, "trace, debug, info, warn, error or off");
  // A descriptor: the address that was chosen is written to it, and the tap ends when its other side closes.
  tap->add_option("--line", arguments->line)->group("");
  tap->callback([arguments, &exit_code] { exit_code = run_tap(*arguments); });
}

}  // namespace archleak::sim
