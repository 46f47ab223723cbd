#include "wire/transport.h"

#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "core/error.h"
#include "wire/connection_watch.h"
#include "wire/frames.h"
#include "wire/gatekeeper.h"

namespace archleak::wire {
namespace {

constexpr size_t kMaxNameBytes = 255;

enum class Wake { message, other, nothing };

/// Waits until `socket`, the descriptor `wake_fd` (unless negative) or `other` (unless null) is readable.
Wake wait(zmq::socket_t& socket, int wake_fd, void* other, std::chrono::milliseconds timeout) {
  std::array<zmq_pollitem_t, 3> items{};
  size_t count = 0;
  items[count++] = {socket.handle(), 0, ZMQ_POLLIN, 0};
  const size_t other_at = count;
  if (other) items[count++] = {other, 0, ZMQ_POLLIN, 0};
  if (wake_fd >= 0) items[count++] = {nullptr, wake_fd, ZMQ_POLLIN, 0};
  if (zmq_poll(items.data(), static_cast<int>(count), timeout.count() < 0 ? -1 : timeout.count()) < 0) {
    if (zmq_errno() == EINTR) return Wake::nothing;
    throw TransportError(std::string("wire: cannot wait: ") + zmq_strerror(zmq_errno()));
  }
  if (items[0].revents) return Wake::message;
  return other && items[other_at].revents ? Wake::other : Wake::nothing;
}

/// Takes one message from `socket`, or the reason why it is none; nothing if there was none after all.
std::optional<Received> take(zmq::socket_t& socket, bool with_peer, const Limits& limits, TrafficCount& count) {
  Received received;
  const ReceivedFrames raw = receive_frames(socket, with_peer ? &received.peer : nullptr);
  if (raw.frames.empty() && received.peer.empty()) return std::nullopt;
  try {
    Decoded decoded = decode(raw.frames, limits);
    received.epoch = decoded.epoch;
    received.message = std::move(decoded.message);
    count.add(kind_of(*received.message), raw.bytes);
    return received;
  } catch (const VersionError& error) {
    received.rejection = Rejection::other_version;
    received.reason = error.what();
  } catch (const ProtocolError& error) {
    received.rejection = Rejection::malformed;
    received.reason = error.what();
  }
  count.add(0, raw.bytes);
  return received;
}

bool give(zmq::socket_t& socket, const std::string* peer, uint64_t epoch, const Message& message, const Limits& limits,
          TrafficCount& count) {
  const std::vector<Frame> frames = encode(message, epoch, limits);
  if (!send_frames(socket, peer, frames)) return false;
  uint64_t bytes = 0;
  for (const auto& frame : frames) bytes += frame.bytes();
  count.add(kind_of(message), bytes);
  return true;
}

void set_ipv6(zmq::socket_t& socket, const std::string& url) {
  socket.set(zmq::sockopt::ipv6, url.find('[') != std::string::npos);
}

}  // namespace

namespace {

/// The file of an ipc address, which ZeroMQ leaves behind; removed at the end unless another has taken its place.
class IpcFile {
 public:
  explicit IpcFile(const std::string& url) {
    constexpr std::string_view kIpc = "ipc://";
    struct stat status {};
    if (!url.starts_with(kIpc) || ::stat(url.c_str() + kIpc.size(), &status) != 0) return;
    path_ = url.substr(kIpc.size());
    inode_ = status.st_ino;
  }
  ~IpcFile() {
    struct stat status {};
    if (!path_.empty() && ::stat(path_.c_str(), &status) == 0 && status.st_ino == inode_) ::unlink(path_.c_str());
  }
  IpcFile(const IpcFile&) = delete;
  IpcFile& operator=(const IpcFile&) = delete;

 private:
  std::string path_;
  ino_t inode_ = 0;
};

}  // namespace

struct CoordinatorSocket::State {
  std::optional<Gatekeeper> gatekeeper;  // outlives the socket
  std::optional<IpcFile> file;           // likewise
  zmq::socket_t socket;
  Limits limits;
  TrafficCount sent;
  TrafficCount received;
};

CoordinatorSocket::CoordinatorSocket(zmq::context_t& context, const std::string& url,
                                     const std::optional<CoordinatorKeys>& keys, const Limits& limits)
    : state_(std::make_unique<State>()) {
  if (keys) state_->gatekeeper.emplace(context, keys->workers);
  state_->limits = limits;
  state_->socket = zmq::socket_t(context, zmq::socket_type::router);
  zmq::socket_t& socket = state_->socket;
  set_common_options(socket, limits);
  set_ipv6(socket, url);
  socket.set(zmq::sockopt::router_mandatory, true);
  socket.set(zmq::sockopt::router_handover, true);
  if (keys) {
    socket.set(zmq::sockopt::curve_server, true);
    socket.set(zmq::sockopt::curve_secretkey, keys->own.secret_key);
  }
  try {
    socket.bind(url);
  } catch (const zmq::error_t& error) {
    throw TransportError(url + ": expected an address to listen at, got: " + error.what());
  }
  state_->file.emplace(url);
}

CoordinatorSocket::CoordinatorSocket(CoordinatorSocket&&) noexcept = default;
CoordinatorSocket& CoordinatorSocket::operator=(CoordinatorSocket&&) noexcept = default;
CoordinatorSocket::~CoordinatorSocket() = default;

std::string CoordinatorSocket::endpoint() const {
  return state_->socket.get(zmq::sockopt::last_endpoint);
}

std::optional<Received> CoordinatorSocket::receive(std::chrono::milliseconds timeout, int wake_fd) {
  if (wait(state_->socket, wake_fd, nullptr, timeout) != Wake::message) return std::nullopt;
  return take(state_->socket, true, state_->limits, state_->received);
}

bool CoordinatorSocket::send(const std::string& peer, uint64_t epoch, const Message& message) {
  return give(state_->socket, &peer, epoch, message, state_->limits, state_->sent);
}

const TrafficCount& CoordinatorSocket::sent() const {
  return state_->sent;
}

const TrafficCount& CoordinatorSocket::received() const {
  return state_->received;
}

struct WorkerSocket::State {
  zmq::context_t* context;
  std::string name;
  std::optional<WorkerKeys> keys;
  Limits limits;
  std::string url;
  zmq::socket_t socket;
  std::optional<ConnectionWatch> connection;
  TrafficCount sent;
  TrafficCount received;
};

WorkerSocket::WorkerSocket(zmq::context_t& context, const std::string& name, const std::optional<WorkerKeys>& keys,
                           const Limits& limits)
    : state_(std::make_unique<State>()) {
  if (name.size() > kMaxNameBytes || name.starts_with('\0')) {
    throw ConfigError("worker name: expected up to 255 bytes, the first not zero, got " + std::to_string(name.size()) +
                      " bytes");
  }
  state_->context = &context;
  state_->name = name;
  state_->keys = keys;
  state_->limits = limits;
}

WorkerSocket::WorkerSocket(WorkerSocket&&) noexcept = default;
WorkerSocket& WorkerSocket::operator=(WorkerSocket&&) noexcept = default;
WorkerSocket::~WorkerSocket() = default;

void WorkerSocket::connect(const std::string& url) {
  state_->connection.reset();
  if (state_->socket) {
    state_->socket.set(zmq::sockopt::linger, 0);
    state_->socket.close();
  }
  state_->url = url;
  state_->socket = zmq::socket_t(*state_->context, zmq::socket_type::dealer);
  zmq::socket_t& socket = state_->socket;
  set_common_options(socket, state_->limits);
  set_ipv6(socket, url);
  if (!state_->name.empty()) socket.set(zmq::sockopt::routing_id, state_->name);
  if (state_->keys) {
    socket.set(zmq::sockopt::curve_serverkey, state_->keys->coordinator);
    socket.set(zmq::sockopt::curve_publickey, state_->keys->own.public_key);
    socket.set(zmq::sockopt::curve_secretkey, state_->keys->own.secret_key);
  }
  state_->connection.emplace(*state_->context, socket);
  try {
    socket.connect(url);
  } catch (const zmq::error_t& error) {
    throw TransportError(url + ": expected a coordinator's address, got: " + error.what());
  }
}

void WorkerSocket::reconnect() {
  connect(std::string(state_->url));
}

std::optional<Received> WorkerSocket::receive(std::chrono::milliseconds timeout, int wake_fd) {
  using Clock = std::chrono::steady_clock;
  if (!state_->connection) throw TransportError("worker: expected connect() before receive()");
  const auto end = Clock::now() + timeout;
  while (true) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(end - Clock::now());
    const auto span = timeout.count() < 0 ? timeout : std::max(left, std::chrono::milliseconds(0));
    switch (wait(state_->socket, wake_fd, state_->connection->handle(), span)) {
      case Wake::message:
        return take(state_->socket, false, state_->limits, state_->received);
      case Wake::nothing:
        return std::nullopt;
      case Wake::other:
        if (const auto reason = state_->connection->refusal()) {
          Received received;
          received.rejection = Rejection::refused;
          received.reason = state_->url + ": " + *reason;
          if (state_->keys) received.reason += "; our public key is " + state_->keys->own.public_key;
          return received;
        }
        if (state_->connection->lost()) {
          Received received;
          received.rejection = Rejection::lost;
          received.reason = state_->url + ": the connection was lost";
          return received;
        }
    }
  }
}

bool WorkerSocket::send(uint64_t epoch, const Message& message) {
  return give(state_->socket, nullptr, epoch, message, state_->limits, state_->sent);
}

const TrafficCount& WorkerSocket::sent() const {
  return state_->sent;
}

const TrafficCount& WorkerSocket::received() const {
  return state_->received;
}

}  // namespace archleak::wire
