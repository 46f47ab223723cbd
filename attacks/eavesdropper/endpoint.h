#pragma once
#include <string>

namespace archleak::attacks {

/// A file descriptor that is closed with the object; -1: none.
class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int number) : number_(number) {}
  Descriptor(Descriptor&& other) noexcept : number_(other.release()) {}
  Descriptor& operator=(Descriptor&& other) noexcept;
  ~Descriptor() { reset(); }

  int get() const { return number_; }
  int release();
  void reset();
  explicit operator bool() const { return number_ >= 0; }

 private:
  int number_ = -1;
};

/// A socket that listens, without blocking, at a ZeroMQ address.
struct Listener {
  Descriptor socket;
  std::string url;   ///< with the port that was chosen
  std::string file;  ///< ipc: the socket's file, to be removed at the end
};

/// Listens at `url`: ipc://FILE, or tcp://HOST:PORT where HOST may be * and PORT 0 or *. A socket file that nobody
/// listens at any more is replaced. Throws ConfigError for another kind of address (an eavesdropper needs a wire, so
/// inproc is none), TransportError if it cannot be bound.
Listener listen_at(const std::string& url);

/// Throws ConfigError unless `url` is an address to connect to, TransportError for a host without address.
void check_address(const std::string& url);

/// Begins to connect to `url`, without blocking: writable when the attempt has ended. No descriptor if it has failed
/// already. Throws ConfigError for another kind of address, TransportError for a host without address.
Descriptor begin_connect(const std::string& url);

/// The other side of a connection, for people: "127.0.0.1:43211", or "ipc".
std::string peer_name(int socket);

}  // namespace archleak::attacks
