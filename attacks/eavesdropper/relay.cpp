#include "attacks/eavesdropper/relay.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <spdlog/spdlog.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "core/error.h"

namespace archleak::attacks {
namespace {

using wire::Direction;

constexpr int kPollMs = 100;
constexpr int kGraceMs = 1000;  // at the end, for a side that is slow to read
enum Place : size_t { kWake, kListener, kProbe, kFirstConnection };

bool would_block() {
  return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR;
}

int pending_error(int socket) {
  int error = 0;
  socklen_t size = sizeof error;
  ::getsockopt(socket, SOL_SOCKET, SO_ERROR, &error, &size);
  return error;
}

/// An entry that asks for nothing is left out, or a side that hung up would wake us for ever.
pollfd entry(const Descriptor& descriptor, bool read, bool write) {
  const auto events = static_cast<short>((read ? POLLIN : 0) | (write ? POLLOUT : 0));
  return {.fd = events ? descriptor.get() : -1, .events = events, .revents = 0};
}

}  // namespace

Relay::Relay(const std::string& listen, std::string connect, Recorder& recorder)
    : connect_(std::move(connect)), recorder_(recorder) {
  check_address(connect_);  // an address that is none is an error now, not later
  Listener listener = listen_at(listen);
  url_ = listener.url;
  file_ = listener.file;
  listener_ = std::move(listener.socket);
}

Relay::~Relay() {
  if (!file_.empty()) ::unlink(file_.c_str());
}

RelayedBytes Relay::run(const std::atomic<bool>& stop, int wake_fd) {
  bool ending = false;
  while (true) {
    prepare(wake_fd);
    const int ready = ::poll(polled_.data(), polled_.size(), !ending ? kPollMs : waiting() ? kGraceMs : 0);
    if (ready < 0 && errno != EINTR) throw TransportError(fmt::format("tap: cannot wait: {}", std::strerror(errno)));
    if (ready <= 0 && ending) break;
    if (stop || (ready > 0 && polled_[kWake].revents)) {
      ending = true;
      wake_fd = -1;
      listener_.reset();
      probe_.reset();
    }
    if (ready > 0) {
      size_t place = kFirstConnection;
      for (auto connection = connections_.begin(); connection != connections_.end(); place += 2) {
        serve(*connection, polled_[place].revents, polled_[place + 1].revents);
        const bool over = connection->refused || (connection->up.closed && connection->down.closed);
        if (over) end(*connection);
        connection = over ? connections_.erase(connection) : std::next(connection);
      }
    }
    if (ending) continue;
    if (!listener_) {
      try_to_listen_again();
    } else if (ready > 0 && polled_[kListener].revents) {
      accept_all();
    }
  }
  for (auto& connection : connections_) end(connection);
  connections_.clear();
  return bytes_;
}

bool Relay::waiting() const {
  return std::any_of(connections_.begin(), connections_.end(),
                     [](const Connection& each) { return each.up.waiting() || each.down.waiting(); });
}

void Relay::prepare(int wake_fd) {
  polled_.clear();
  polled_.push_back({.fd = wake_fd, .events = POLLIN, .revents = 0});
  polled_.push_back(entry(listener_, static_cast<bool>(listener_), false));
  polled_.push_back(entry(probe_, false, static_cast<bool>(probe_)));
  for (const auto& connection : connections_) {
    const bool up = !connection.connecting;
    polled_.push_back(
        entry(connection.worker, up && !connection.up.ended && !connection.up.waiting(), connection.down.waiting()));
    polled_.push_back(entry(connection.coordinator, up && !connection.down.ended && !connection.down.waiting(),
                            connection.connecting || connection.up.waiting()));
  }
}

void Relay::accept_all() {
  while (true) {
    Descriptor worker(::accept4(listener_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (!worker) {
      if (would_block() || errno == ECONNABORTED) return;
      spdlog::warn("cannot take a connection: {}", std::strerror(errno));
      return stop_listening();
    }
    const int on = 1;
    ::setsockopt(worker.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);  // fails for ipc, which does without
    Connection& connection = connections_.emplace_back();
    connection.number = static_cast<uint32_t>(++bytes_.connections);
    connection.worker = std::move(worker);
    try {
      connection.coordinator = begin_connect(connect_);
    } catch (const TransportError& error) {
      spdlog::warn("{}", error.what());
    }
    if (!connection.coordinator) {
      connections_.pop_back();
      --bytes_.connections;
      return stop_listening();
    }
  }
}

void Relay::finish_connect(Connection& connection) {
  if (const int error = pending_error(connection.coordinator.get())) {
    spdlog::info("{}: {}", connect_, std::strerror(error));
    connection.refused = true;
    return stop_listening();
  }
  connection.connecting = false;
  recorder_.open(connection.number, peer_name(connection.worker.get()));
}

void Relay::serve(Connection& connection, short worker_events, short coordinator_events) {
  if (connection.connecting) {
    if (coordinator_events) finish_connect(connection);
    return;
  }
  if (worker_events & (POLLIN | POLLHUP | POLLERR)) read_some(connection, Direction::up);
  if (coordinator_events & (POLLIN | POLLHUP | POLLERR)) read_some(connection, Direction::down);
  write_some(connection, Direction::up);
  write_some(connection, Direction::down);
}

void Relay::read_some(Connection& connection, Direction direction) {
  const bool up = direction == Direction::up;
  Flow& flow = up ? connection.up : connection.down;
  if (flow.ended || flow.waiting()) return;
  const Descriptor& source = up ? connection.worker : connection.coordinator;
  const ssize_t count = ::recv(source.get(), flow.buffer.data(), flow.buffer.size(), 0);
  if (count > 0) {
    flow.begin = 0;
    flow.end = static_cast<size_t>(count);
    (up ? bytes_.up : bytes_.down) += flow.end;
    recorder_.data(connection.number, direction, {flow.buffer.data(), flow.end});
  } else if (count == 0) {
    flow.ended = true;
  } else if (!would_block()) {
    flow.ended = true;
  }
}

void Relay::write_some(Connection& connection, Direction direction) {
  const bool up = direction == Direction::up;
  Flow& flow = up ? connection.up : connection.down;
  const Descriptor& target = up ? connection.coordinator : connection.worker;
  while (flow.waiting()) {
    const ssize_t count = ::send(target.get(), flow.buffer.data() + flow.begin, flow.end - flow.begin, MSG_NOSIGNAL);
    if (count < 0 && would_block()) return;
    if (count < 0) {  // nobody takes it any more; what comes the other way may still be on its way
      flow.begin = flow.end;
      flow.ended = true;
    } else {
      flow.begin += static_cast<size_t>(count);
    }
  }
  if (!flow.ended || flow.closed) return;
  ::shutdown(target.get(), SHUT_WR);
  flow.closed = true;
  recorder_.close(connection.number, direction);
}

void Relay::end(Connection& connection) {
  if (!connection.connecting) {
    if (!connection.up.closed) recorder_.close(connection.number, Direction::up);
    if (!connection.down.closed) recorder_.close(connection.number, Direction::down);
  }
  connection.worker.reset();
  connection.coordinator.reset();
}

/// Workers that find nobody listening try again and again, as they would without a relay; workers that are let in and
/// then dropped would think that they were refused.
void Relay::stop_listening() {
  if (!listener_) return;
  listener_.reset();
  spdlog::info("nobody listens at {}: not listening either", connect_);
}

void Relay::try_to_listen_again() {
  try {
    if (probe_ && polled_[kProbe].fd == probe_.get() && polled_[kProbe].revents) {
      const bool reachable = pending_error(probe_.get()) == 0;
      probe_.reset();
      if (!reachable) return;
      listener_ = listen_at(url_).socket;
      spdlog::info("{} is there: listening at {}", connect_, url_);
    } else if (const auto now = std::chrono::steady_clock::now(); !probe_ && now >= probe_at_) {
      probe_at_ = now + std::chrono::milliseconds(kPollMs);
      probe_ = begin_connect(connect_);
    }
  } catch (const TransportError& error) {
    spdlog::debug("{}", error.what());
  }
}

}  // namespace archleak::attacks
