#include "wire/connection_watch.h"

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <utility>

#include "core/error.h"

namespace archleak::wire {
namespace {

constexpr int kWatched = ZMQ_EVENT_DISCONNECTED | ZMQ_EVENT_HANDSHAKE_SUCCEEDED | ZMQ_EVENT_HANDSHAKE_FAILED_AUTH |
                         ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL | ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL;

/// A coordinator that dies in the middle of a handshake looks like one that hangs up on us, so one failure says
/// nothing.
constexpr int kVagueFailures = 5;

}  // namespace

ConnectionWatch::ConnectionWatch(zmq::context_t& context, zmq::socket_t& socket)
    : events_(context, zmq::socket_type::pair) {
  events_.set(zmq::sockopt::linger, 0);
  const std::string stem = "inproc://archleak.handshakes." + std::to_string(reinterpret_cast<uintptr_t>(this)) + ".";
  std::string address;
  int attempt = 0;  // an earlier watch's address is free again only some time after its end
  do {
    address = stem + std::to_string(attempt++);
  } while (zmq_socket_monitor(socket.handle(), address.c_str(), kWatched) < 0 && zmq_errno() == EADDRINUSE);
  events_.connect(address);
}

std::optional<std::string> ConnectionWatch::refusal() {
  std::optional<std::string> refusal;
  zmq::message_t event;
  while (events_.recv(event, zmq::recv_flags::dontwait)) {
    uint16_t number = 0;
    uint32_t value = 0;
    if (event.size() == sizeof(number) + sizeof(value)) {
      std::memcpy(&number, event.data(), sizeof(number));
      std::memcpy(&value, static_cast<const char*>(event.data()) + sizeof(number), sizeof(value));
    }
    zmq::message_t address;
    if (event.more()) static_cast<void>(events_.recv(address, zmq::recv_flags::dontwait));
    auto judgement = judge(number, static_cast<int>(value));
    if (judgement && !reported_) refusal = std::move(judgement);
    reported_ = reported_ || refusal;
  }
  return refusal;
}

bool ConnectionWatch::lost() {
  return std::exchange(lost_, false);
}

std::optional<std::string> ConnectionWatch::judge(int event, int value) {
  switch (event) {
    case ZMQ_EVENT_HANDSHAKE_SUCCEEDED:
      vague_failures_ = 0;
      established_ = true;
      return std::nullopt;
    case ZMQ_EVENT_DISCONNECTED:  // also comes after a failed handshake
      lost_ = lost_ || established_;
      established_ = false;
      return std::nullopt;
    case ZMQ_EVENT_HANDSHAKE_FAILED_AUTH:
      return "the coordinator refused our key (status " + std::to_string(value) + ")";
    case ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL:
      if (value == ZMQ_PROTOCOL_ERROR_ZMTP_MECHANISM_MISMATCH) {
        return "expected both sides with CURVE or both without, got one of each";
      }
      return "expected a coordinator's handshake, got ZMTP protocol error " + std::to_string(value);
    default:
      if (++vague_failures_ < kVagueFailures) return std::nullopt;
      return "the coordinator hangs up during the handshake: expected its public key to be ours, or another program "
             "listens at this address";
  }
}

}  // namespace archleak::wire
