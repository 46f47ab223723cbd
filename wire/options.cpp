#include "wire/options.h"

#include <arpa/inet.h>

#include <filesystem>
#include <string_view>

#include "core/error.h"

namespace archleak::wire {
namespace {

bool is_loopback(const std::string& host) {
  if (host == "localhost" || host == "[::1]") return true;
  in_addr address{};
  return inet_pton(AF_INET, host.c_str(), &address) == 1 && (ntohl(address.s_addr) >> 24) == 127;
}

void require(const WireOptions& options, const std::filesystem::path& file) {
  const auto path = std::filesystem::path(options.keys) / file;
  if (std::filesystem::exists(path)) return;
  throw ConfigError(options.url + ": expected keys, because other machines can reach this address, but there is no " +
                    path.string() + "; make them with `archleak keys new " + options.keys +
                    "` and copy the folder to the workers, or set curve = \"off\" to go without encryption");
}

}  // namespace

void describe(ConfigSection section, WireOptions& options) {
  section.read("url", options.url, "where the coordinator listens: ipc://FILE, tcp://HOST:PORT or inproc://NAME");
  section.read("curve", options.curve, {{"auto", Curve::automatic}, {"on", Curve::on}, {"off", Curve::off}},
               "encrypt and admit listed workers only; auto: on addresses that other machines can reach");
  section.read("keys", options.keys, "folder with the CURVE keys, made by `archleak keys new`");
}

bool needs_curve(const std::string& url) {
  constexpr std::string_view kTcp = "tcp://";
  if (url.starts_with("inproc://") || url.starts_with("ipc://")) return false;
  if (!url.starts_with(kTcp)) return true;
  std::string host = url.substr(kTcp.size());
  if (const size_t source = host.find(';'); source != std::string::npos) host.erase(0, source + 1);
  host.erase(std::min(host.rfind(':'), host.size()));
  return !is_loopback(host);
}

bool uses_curve(const WireOptions& options) {
  if (options.curve == Curve::on && options.url.starts_with("inproc://")) {
    throw ConfigError(options.url + ": expected an ipc or tcp address with curve = \"on\", got inproc");
  }
  return options.curve == Curve::on || (options.curve == Curve::automatic && needs_curve(options.url));
}

std::optional<CoordinatorKeys> coordinator_keys(const WireOptions& options) {
  if (!uses_curve(options)) return std::nullopt;
  require(options, "coordinator.key");
  return read_coordinator_keys(options.keys);
}

std::optional<WorkerKeys> worker_keys(const WireOptions& options) {
  if (!uses_curve(options)) return std::nullopt;
  require(options, "worker.key");
  return read_worker_keys(options.keys);
}

}  // namespace archleak::wire
