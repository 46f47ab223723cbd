#pragma once
#include <chrono>
#include <string>
#include <vector>
#include <zmq.hpp>

#include "wire/codec.h"

namespace archleak::wire {

/// Sets what coordinator and worker sockets have in common: queue lengths, lingering, largest frame, keep-alive and
/// reconnection.
void set_common_options(zmq::socket_t& socket, const Limits& limits);

/// Sends `peer` (unless null) and then the frames as one multipart message without waiting. False: the peer is gone or
/// its queue is full, and nothing was sent. Throws TransportError when the context is gone.
bool send_frames(zmq::socket_t& socket, const std::string* peer, const std::vector<Frame>& frames);

/// What came in one multipart message.
struct ReceivedFrames {
  std::vector<Frame> frames;  ///< the first few; more than a message can have, if more came
  uint64_t bytes = 0;         ///< of all frames
};

/// Takes one multipart message from a socket that is readable; with `peer`, the first frame goes there. Never waits: no
/// frames if there was no message. Throws TransportError when the context is gone.
ReceivedFrames receive_frames(zmq::socket_t& socket, std::string* peer);

}  // namespace archleak::wire
