#include "wire/gatekeeper.h"

#include <spdlog/spdlog.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <iterator>
#include <set>
#include <string>
#include <utility>
#include <vector>
#include <zmq_addon.hpp>

#include "core/error.h"

namespace archleak::wire {
namespace {

constexpr const char* kAddress = "inproc://zeromq.zap.01";
constexpr size_t kKeyBytes = 32;
constexpr size_t kNamedRefusals = 100;

/// The frames of a ZAP 1.0 request; further ones depend on the mechanism.
enum Request : size_t { version, id, domain, address, identity, mechanism, credentials, kRequestFrames };

std::string to_z85(const zmq::message_t& key) {
  std::array<char, 41> text{};
  zmq_z85_encode(text.data(), static_cast<const uint8_t*>(key.data()), kKeyBytes);
  return text.data();
}

bool admits(const KeyRing& ring, const std::vector<zmq::message_t>& request, std::set<std::string>& refused) {
  if (request.size() != kRequestFrames || request[mechanism].to_string_view() != "CURVE" ||
      request[credentials].size() != kKeyBytes) {
    return false;
  }
  const std::string key = to_z85(request[credentials]);
  const bool admitted = ring.allows(key);
  if (!admitted && refused.size() < kNamedRefusals && refused.insert(key).second) {  // ZeroMQ tries again and again
    spdlog::warn("{}: refused a worker: its key {} is not among the allowed ones", request[address].to_string_view(),
                 key);
  }
  return admitted;
}

void answer(zmq::socket_t& socket, const KeyRing& ring, std::set<std::string>& refused) {
  std::vector<zmq::message_t> request;
  if (!zmq::recv_multipart(socket, std::back_inserter(request), zmq::recv_flags::dontwait)) return;
  const bool admitted = admits(ring, request, refused);
  const std::string request_id = request.size() > id ? request[id].to_string() : "";
  const std::array<zmq::const_buffer, 6> reply{
      zmq::buffer(std::string_view("1.0")),
      zmq::buffer(request_id),
      zmq::buffer(std::string_view(admitted ? "200" : "400")),
      zmq::buffer(std::string_view(admitted ? "OK" : "key not allowed")),
      zmq::const_buffer(),
      zmq::const_buffer(),
  };
  zmq::send_multipart(socket, reply);
}

/// Serves until `stop` (an eventfd) becomes readable or the context ends. Gives the address back before it returns, so
/// that the next gatekeeper can have it.
void serve(zmq::socket_t questions, int stop, const KeyRing& ring) {
  std::set<std::string> refused;  // keys that the log names already
  try {
    while (true) {
      std::array<zmq_pollitem_t, 2> items{{{questions.handle(), 0, ZMQ_POLLIN, 0}, {nullptr, stop, ZMQ_POLLIN, 0}}};
      if (zmq_poll(items.data(), static_cast<int>(items.size()), -1) < 0) {
        if (zmq_errno() == EINTR) continue;
        throw zmq::error_t();
      }
      if (items[1].revents) break;
      if (items[0].revents) answer(questions, ring, refused);
    }
    questions.unbind(kAddress);
  } catch (const zmq::error_t& error) {
    if (error.num() != ETERM) spdlog::error("gatekeeper: {}; no further worker comes in", error.what());
  }
}

/// Starts a thread that takes no signals: they are for the main loop.
template <typename Body>
std::thread start_without_signals(Body body) {
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  std::thread thread(std::move(body));
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return thread;
}

}  // namespace

Gatekeeper::Gatekeeper(zmq::context_t& context, KeyRing ring) : stop_(::eventfd(0, EFD_CLOEXEC)) {
  if (stop_ < 0) throw TransportError(std::string("gatekeeper: cannot make an eventfd: ") + std::strerror(errno));
  try {
    zmq::socket_t questions(context, zmq::socket_type::rep);
    questions.set(zmq::sockopt::linger, 0);
    questions.bind(kAddress);
    thread_ = start_without_signals([questions = std::move(questions), stop = stop_, ring = std::move(ring)]() mutable {
      serve(std::move(questions), stop, ring);
    });
  } catch (const zmq::error_t& error) {
    ::close(stop_);
    throw TransportError(std::string("expected a context without a gatekeeper, got: ") + error.what());
  }
}

Gatekeeper::~Gatekeeper() {
  ::eventfd_write(stop_, 1);
  thread_.join();
  ::close(stop_);
}

}  // namespace archleak::wire
