#pragma once
#include <thread>
#include <zmq.hpp>

#include "wire/keys.h"

namespace archleak::wire {

/// Answers ZeroMQ's question "may this key come in?" (ZAP, https://rfc.zeromq.org/spec/27/) from a key ring, in a
/// thread of its own that ends with the object. Without it a CURVE server lets every key in, so it must exist before
/// the socket binds; there can be one in a context.
class Gatekeeper {
 public:
  /// Throws TransportError if the context has one already.
  Gatekeeper(zmq::context_t& context, KeyRing ring);
  ~Gatekeeper();
  Gatekeeper(const Gatekeeper&) = delete;
  Gatekeeper& operator=(const Gatekeeper&) = delete;

 private:
  int stop_;  // an eventfd
  std::thread thread_;
};

}  // namespace archleak::wire
