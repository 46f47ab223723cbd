#include "wire/frames.h"

#include <algorithm>
#include <cerrno>

#include "core/error.h"

namespace archleak::wire {
namespace {

constexpr int kQueueMessages = 1000;
constexpr int kLingerMs = 2000;
constexpr int kReconnectMs = 100;
constexpr int kHandshakeMs = 10000;
constexpr int kKeepAliveIdleS = 30;
constexpr int kKeepAliveIntervalS = 10;
constexpr int kKeepAliveProbes = 3;

[[noreturn]] void fail(const char* step) {
  throw TransportError(std::string("wire: cannot ") + step + ": " + zmq_strerror(zmq_errno()));
}

bool send_part(zmq::socket_t& socket, zmq::message_t frame, bool more) {
  const int flags = ZMQ_DONTWAIT | (more ? ZMQ_SNDMORE : 0);
  while (zmq_msg_send(frame.handle(), socket.handle(), flags) < 0) {
    const int error = zmq_errno();
    if (error == EAGAIN || error == EHOSTUNREACH) return false;
    if (error != EINTR) fail("send");
  }
  return true;
}

bool receive_part(zmq::socket_t& socket, zmq::message_t& frame) {
  while (zmq_msg_recv(frame.handle(), socket.handle(), ZMQ_DONTWAIT) < 0) {
    if (zmq_errno() == EAGAIN) return false;
    if (zmq_errno() != EINTR) fail("receive");
  }
  return true;
}

}  // namespace

void set_common_options(zmq::socket_t& socket, const Limits& limits) {
  const uint64_t largest = std::max(limits.max_payload_bytes, limits.max_text_bytes);
  socket.set(zmq::sockopt::maxmsgsize, static_cast<int64_t>(largest));
  socket.set(zmq::sockopt::sndhwm, kQueueMessages);
  socket.set(zmq::sockopt::rcvhwm, kQueueMessages);
  socket.set(zmq::sockopt::linger, kLingerMs);
  socket.set(zmq::sockopt::reconnect_ivl, kReconnectMs);
  socket.set(zmq::sockopt::handshake_ivl, kHandshakeMs);
  socket.set(zmq::sockopt::tcp_keepalive, 1);
  socket.set(zmq::sockopt::tcp_keepalive_idle, kKeepAliveIdleS);
  socket.set(zmq::sockopt::tcp_keepalive_intvl, kKeepAliveIntervalS);
  socket.set(zmq::sockopt::tcp_keepalive_cnt, kKeepAliveProbes);
}

bool send_frames(zmq::socket_t& socket, const std::string* peer, const std::vector<Frame>& frames) {
  if (peer && !send_part(socket, zmq::message_t(*peer), true)) return false;
  for (size_t i = 0; i < frames.size(); ++i) {
    if (!send_part(socket, frames[i].frame(), i + 1 < frames.size())) return false;
  }
  return true;
}

ReceivedFrames receive_frames(zmq::socket_t& socket, std::string* peer) {
  ReceivedFrames received;
  zmq::message_t part;
  if (!receive_part(socket, part)) return received;
  bool more = part.more();
  if (peer) {
    *peer = part.to_string();
    if (!more || !receive_part(socket, part)) return received;
    more = part.more();
  }
  while (true) {
    received.bytes += part.size();
    if (received.frames.size() < kKeptFrames) received.frames.push_back(Payload::receive(std::move(part)));
    if (!more || !receive_part(socket, part)) return received;
    more = part.more();
  }
}

}  // namespace archleak::wire
