#pragma once
#include <poll.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <list>
#include <string>
#include <vector>

#include "attacks/eavesdropper/endpoint.h"
#include "attacks/eavesdropper/recorder.h"

namespace archleak::attacks {

/// How much went through.
struct RelayedBytes {
  uint64_t connections = 0;
  uint64_t up = 0;  ///< bytes from workers to the coordinator
  uint64_t down = 0;
};

/// Stands between workers and coordinator: accepts connections at one address, makes one of its own to another for
/// each, and passes bytes on, both ways, as they are. A side that is slow to read slows the other side down as it would
/// without the relay: what is in between is bounded by the system's buffers and one of 64 KiB. An end of stream is
/// passed on after the last byte; where one side no longer takes bytes, those from it still go to the other. While
/// there is nobody at the other address, nobody listens at this one either.
///
/// Belongs to one thread.
class Relay {
 public:
  /// Listens at `listen`, see listen_at. `recorder` must outlive the relay.
  Relay(const std::string& listen, std::string connect, Recorder& recorder);
  ~Relay();
  Relay(const Relay&) = delete;
  Relay& operator=(const Relay&) = delete;

  /// The address that workers connect to, with the port that was chosen.
  const std::string& url() const { return url_; }

  /// Relays until `stop` is true or `wake_fd` (unless negative) becomes readable or is hung up; then passes on what has
  /// come already and ends all connections. Throws TransportError if the system's sockets fail.
  RelayedBytes run(const std::atomic<bool>& stop, int wake_fd = -1);

 private:
  /// One direction of a connection.
  struct Flow {
    std::array<char, 64 << 10> buffer;
    size_t begin = 0;  // bytes [begin, end) wait to be written
    size_t end = 0;
    bool ended = false;   // nothing more comes, or nobody takes it
    bool closed = false;  // and that was passed on
    bool waiting() const { return begin < end; }
  };
  struct Connection {
    uint32_t number = 0;
    bool connecting = true;
    bool refused = false;
    Descriptor worker;
    Descriptor coordinator;
    Flow up;
    Flow down;
  };

  bool waiting() const;
  void prepare(int wake_fd);
  void accept_all();
  void finish_connect(Connection& connection);
  void read_some(Connection& connection, wire::Direction direction);
  void write_some(Connection& connection, wire::Direction direction);
  void serve(Connection& connection, short worker_events, short coordinator_events);
  void stop_listening();
  void try_to_listen_again();
  void end(Connection& connection);

  std::string url_;
  std::string connect_;
  std::string file_;
  Recorder& recorder_;
  Descriptor listener_;
  Descriptor probe_;  // of the other address, while it is not reachable
  std::chrono::steady_clock::time_point probe_at_{};
  std::list<Connection> connections_;
  std::vector<pollfd> polled_;  // wake, listener, probe, then two a connection
  RelayedBytes bytes_;
};

}  // namespace archleak::attacks
