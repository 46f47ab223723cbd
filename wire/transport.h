#pragma once
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <zmq.hpp>

#include "wire/codec.h"
#include "wire/keys.h"
#include "wire/traffic.h"

namespace archleak::wire {

/// Why something that arrived is not a message.
enum class Rejection {
  none,
  malformed,      ///< the frames are no message
  other_version,  ///< the peer speaks another version of the protocol; it can still be sent a Refuse
  refused,        ///< worker only: the coordinator does not let this worker in (key), so trying again is no use
  lost,           ///< worker only: the connection was lost, and perhaps messages, either way, with it
};

/// What `receive` returns: a message, or the reason why there is none.
struct Received {
  std::string peer;    ///< coordinator: whom to answer; worker: empty
  uint64_t epoch = 0;  ///< from the message's header; whether it is stale is for the caller to say
  std::optional<Message> message;
  Rejection rejection = Rejection::none;
  std::string reason;  ///< of the rejection: expected versus got
};

/// The coordinator's end: a ROUTER socket that workers connect to. Belongs to one thread.
///
/// Nothing is dropped silently: a message for a peer that is gone, or whose queue (1000 messages) is full, is not sent
/// and `send` says so. A peer that reconnects under its name takes over from its old connection. Unsent messages are
/// kept for at most two seconds when the socket closes.
class CoordinatorSocket {
 public:
  /// Binds to `url` (inproc, ipc or tcp; the port may be 0 or *). With `keys`, only listed workers get in, by CURVE;
  /// there can be one such socket in a context. Throws TransportError if the address cannot be bound.
  /// `coordinator_keys` (wire/options.h) decides whether an address needs keys.
  CoordinatorSocket(zmq::context_t& context, const std::string& url, const std::optional<CoordinatorKeys>& keys = {},
                    const Limits& limits = {});
  CoordinatorSocket(CoordinatorSocket&&) noexcept;
  CoordinatorSocket& operator=(CoordinatorSocket&&) noexcept;
  ~CoordinatorSocket();

  /// The bound address, with the port that was chosen: "tcp://127.0.0.1:43211".
  std::string endpoint() const;

  /// Waits for what comes next; nothing on timeout, on a signal, or when `wake_fd` (for instance an eventfd) becomes
  /// readable, which is left to the caller to read. A negative timeout waits for ever. Never throws because of what a
  /// peer sent. Throws TransportError when the context is gone.
  std::optional<Received> receive(std::chrono::milliseconds timeout, int wake_fd = -1);

  /// Sends without waiting. False: the peer is gone, or its queue is full. Throws ProtocolError if the message is
  /// beyond the limits.
  bool send(const std::string& peer, uint64_t epoch, const Message& message);

  const TrafficCount& sent() const;
  const TrafficCount& received() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// A worker's end: a DEALER socket. Belongs to one thread. ZeroMQ connects in the background and again whenever the
/// connection is lost; until then messages wait in a queue of 1000.
class WorkerSocket {
 public:
  /// `name` is what the coordinator sees as the peer: 1 to 255 bytes, not two workers with the same; empty: ZeroMQ
  /// makes one up. Throws ConfigError for a name that cannot be used.
  WorkerSocket(zmq::context_t& context, const std::string& name, const std::optional<WorkerKeys>& keys = {},
               const Limits& limits = {});
  WorkerSocket(WorkerSocket&&) noexcept;
  WorkerSocket& operator=(WorkerSocket&&) noexcept;
  ~WorkerSocket();

  /// Connects to the coordinator at `url`; returns at once. Throws TransportError for an address that is none.
  void connect(const std::string& url);

  /// Drops the connection with all that is queued either way, and connects to the same address anew.
  void reconnect();

  /// As CoordinatorSocket::receive. Also reports, once per connect, that the coordinator refuses this worker's key,
  /// and that the connection was lost.
  std::optional<Received> receive(std::chrono::milliseconds timeout, int wake_fd = -1);

  /// Sends without waiting. False: the queue is full. Throws ProtocolError if the message is beyond the limits.
  bool send(uint64_t epoch, const Message& message);

  const TrafficCount& sent() const;
  const TrafficCount& received() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace archleak::wire
