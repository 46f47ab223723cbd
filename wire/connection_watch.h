#pragma once
#include <optional>
#include <string>
#include <zmq.hpp>

namespace archleak::wire {

/// Watches the connection of a connecting socket: ZeroMQ repeats failed handshakes, and connects again after a loss,
/// for ever and without a word.
class ConnectionWatch {
 public:
  /// Starts to watch; before the socket connects.
  ConnectionWatch(zmq::context_t& context, zmq::socket_t& socket);

  /// For polling: readable when there is news.
  void* handle() { return events_.handle(); }

  /// Reads all news. Returns why the other side does not let us in, once, if that has become clear.
  std::optional<std::string> refusal();

  /// Whether an established connection was lost, as of the last `refusal()`; says so once.
  bool lost();

 private:
  std::optional<std::string> judge(int event, int value);

  zmq::socket_t events_;
  int vague_failures_ = 0;  // in a row
  bool reported_ = false;
  bool established_ = false;
  bool lost_ = false;
};

}  // namespace archleak::wire
