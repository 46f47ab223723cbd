#include "attacks/eavesdropper/endpoint.h"

#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <spdlog/fmt/fmt.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstring>
#include <memory>
#include <utility>

#include "core/error.h"

namespace archleak::attacks {
namespace {

constexpr int kBacklog = 256;
constexpr int kFlags = SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC;

/// An address as the system wants it.
struct Address {
  sockaddr_storage storage{};
  socklen_t size = 0;
  std::string file;  // ipc
  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
};

Address ipc_address(const std::string& url, const std::string& file) {
  Address address;
  auto* local = reinterpret_cast<sockaddr_un*>(&address.storage);
  if (file.empty() || file.size() >= sizeof(local->sun_path)) {
    throw ConfigError(fmt::format("{}: expected a file name of 1 to {} bytes, got {}", url, sizeof(local->sun_path) - 1,
                                  file.size()));
  }
  local->sun_family = AF_UNIX;
  std::memcpy(local->sun_path, file.data(), file.size());
  address.size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + file.size() + 1);
  if (file[0] == '@') {  // Linux: a name that is no file
    local->sun_path[0] = '\0';
    --address.size;
  } else {
    address.file = file;
  }
  return address;
}

Address tcp_address(const std::string& url, const std::string& place, bool passive) {
  const size_t colon = place.rfind(':');
  if (colon == std::string::npos) throw ConfigError(url + ": expected tcp://HOST:PORT, got no port");
  std::string host = place.substr(0, colon);
  std::string port = place.substr(colon + 1);
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  if (host == "*") host = passive ? "0.0.0.0" : "127.0.0.1";
  if (port == "*") port = "0";
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_NUMERICSERV | (passive ? AI_PASSIVE : 0);
  addrinfo* found = nullptr;
  const int error = ::getaddrinfo(host.c_str(), port.c_str(), &hints, &found);
  if (error != 0) throw TransportError(fmt::format("{}: expected an address, got: {}", url, ::gai_strerror(error)));
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> guard(found, ::freeaddrinfo);
  Address address;
  std::memcpy(&address.storage, found->ai_addr, found->ai_addrlen);
  address.size = found->ai_addrlen;
  return address;
}

Address resolve(const std::string& url, bool passive) {
  constexpr std::string_view kIpc = "ipc://";
  constexpr std::string_view kTcp = "tcp://";
  if (url.starts_with(kIpc)) return ipc_address(url, url.substr(kIpc.size()));
  if (url.starts_with(kTcp)) return tcp_address(url, url.substr(kTcp.size()), passive);
  throw ConfigError(url + ": expected ipc://FILE or tcp://HOST:PORT, where there is a wire to listen on, got another");
}

Descriptor make_socket(const Address& address) {
  Descriptor made(::socket(address.storage.ss_family, kFlags, 0));
  if (!made) throw TransportError(fmt::format("cannot make a socket: {}", std::strerror(errno)));
  const int on = 1;
  if (address.storage.ss_family != AF_UNIX) {
    ::setsockopt(made.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    ::setsockopt(made.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  }
  return made;
}

/// Removes a socket file that an ended process has left.
void remove_stale(const Address& address) {
  if (address.file.empty()) return;
  const Descriptor probe = make_socket(address);
  if (::connect(probe.get(), address.get(), address.size) != 0 && errno == ECONNREFUSED) {
    ::unlink(address.file.c_str());
  }
}

std::string tcp_text(const sockaddr_storage& storage, socklen_t size) {
  char host[NI_MAXHOST];
  char port[NI_MAXSERV];
  const int error = ::getnameinfo(reinterpret_cast<const sockaddr*>(&storage), size, host, sizeof host, port,
                                  sizeof port, NI_NUMERICHOST | NI_NUMERICSERV);
  if (error != 0) return "?";
  return storage.ss_family == AF_INET6 ? fmt::format("[{}]:{}", host, port) : fmt::format("{}:{}", host, port);
}

}  // namespace

Descriptor& Descriptor::operator=(Descriptor&& other) noexcept {
  if (this == &other) return *this;
  reset();
  number_ = other.release();
  return *this;
}

int Descriptor::release() {
  return std::exchange(number_, -1);
}

void Descriptor::reset() {
  if (number_ >= 0) ::close(release());
}

Listener listen_at(const std::string& url) {
  const Address address = resolve(url, true);
  remove_stale(address);
  Listener listener{.socket = make_socket(address), .url = url, .file = address.file};
  const int socket = listener.socket.get();
  if (::bind(socket, address.get(), address.size) != 0 || ::listen(socket, kBacklog) != 0) {
    throw TransportError(fmt::format("{}: expected an address to listen at, got: {}", url, std::strerror(errno)));
  }
  if (address.storage.ss_family != AF_UNIX) {
    sockaddr_storage bound{};
    socklen_t size = sizeof bound;
    ::getsockname(socket, reinterpret_cast<sockaddr*>(&bound), &size);
    listener.url = "tcp://" + tcp_text(bound, size);
  }
  return listener;
}

void check_address(const std::string& url) {
  resolve(url, false);
}

Descriptor begin_connect(const std::string& url) {
  const Address address = resolve(url, false);
  Descriptor made = make_socket(address);
  if (::connect(made.get(), address.get(), address.size) == 0 || errno == EINPROGRESS) return made;
  return {};
}

std::string peer_name(int socket) {
  sockaddr_storage peer{};
  socklen_t size = sizeof peer;
  if (::getpeername(socket, reinterpret_cast<sockaddr*>(&peer), &size) != 0 || peer.ss_family == AF_UNIX) return "ipc";
  return tcp_text(peer, size);
}

}  // namespace archleak::attacks
