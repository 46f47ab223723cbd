#pragma once
#include <gmock/gmock.h>

#include <chrono>
#include <string>
#include <vector>
#include <zmq_addon.hpp>

#include "tests/support/paths.h"
#include "wire/codec.h"
#include "wire/transport.h"

namespace archleak::wire::test {

inline constexpr auto kPatience = std::chrono::seconds(20);  // only ever waited for by a test that fails

/// A coordinator at an address of one of the three kinds, and workers that know it.
class TransportFixture : public testing::TestWithParam<const char*> {
 protected:
  std::string address() const {
    const std::string kind = GetParam();
    if (kind == "inproc") return "inproc://coordinator";
    if (kind == "ipc") return "ipc://" + (folder_ / "socket").string();
    return "tcp://127.0.0.1:*";
  }
  bool is(const std::string& kind) const { return kind == GetParam(); }

  WorkerSocket worker(const CoordinatorSocket& coordinator, const std::string& name, const Limits& limits = {}) {
    WorkerSocket socket(context_, name, {}, limits);
    socket.connect(coordinator.endpoint());
    return socket;
  }

  /// A worker that can send anything.
  zmq::socket_t raw_worker(const CoordinatorSocket& coordinator) {
    zmq::socket_t socket(context_, zmq::socket_type::dealer);
    socket.set(zmq::sockopt::linger, 0);
    socket.set(zmq::sockopt::rcvtimeo, 20000);
    socket.connect(coordinator.endpoint());
    return socket;
  }

  archleak::test::TemporaryFolder folder_;
  zmq::context_t context_;
};

template <typename Socket>
Received expect_something(Socket& socket) {
  auto received = socket.receive(kPatience);
  EXPECT_TRUE(received);
  return received.value_or(Received{});
}

inline uint64_t bytes_of(const Message& message) {
  uint64_t bytes = 0;
  for (const auto& frame : encode(message, 1)) bytes += frame.bytes();
  return bytes;
}

inline void send_raw(zmq::socket_t& socket, const std::vector<std::string>& frames) {
  std::vector<zmq::message_t> parts;
  for (const auto& frame : frames) parts.emplace_back(frame.data(), frame.size());
  zmq::send_multipart(socket, parts);
}

inline std::vector<std::string> raw(const std::vector<Frame>& frames) {
  std::vector<std::string> texts;
  for (const auto& frame : frames) texts.emplace_back(reinterpret_cast<const char*>(frame.data()), frame.bytes());
  return texts;
}

}  // namespace archleak::wire::test
