#include "server/worker_pool.h"

#include <spdlog/spdlog.h>

namespace archleak::server {

WorkerPool::WorkerPool(wire::CoordinatorSocket& socket, PoolOptions options)
    : socket_(socket), options_(std::move(options)) {}

void WorkerPool::refuse(const std::string& peer, const std::string& reason, bool final) {
  ++refused_;
  spdlog::warn("refused {}: {}", peer, reason);
  socket_.send(peer, options_.epoch, wire::Refuse{.reason = reason, .final = final});
}

std::optional<PoolEvent> WorkerPool::greet(const std::string& peer, const wire::Hello& hello) {
  const auto known = workers_.find(peer);
  if (known != workers_.end() && known->second.session == hello.session) return std::nullopt;  // said twice
  // A known name with another session is a worker that started afresh: what it held is lost.
  std::optional<PoolEvent> event;
  if (known != workers_.end()) {
    event = PoolEvent{.kind = PoolEvent::Kind::left, .worker = peer, .reason = "it started afresh", .message = {}};
    workers_.erase(known);
    return event;  // its next hello, a second later, lets it in again
  }
  workers_[peer] = {
      .session = hello.session, .slots = std::max<int>(1, static_cast<int>(hello.slots)), .model_round = -1};
  socket_.send(peer, options_.epoch,
               wire::Welcome{.epoch = options_.epoch,
                             .config = options_.config,
                             .heartbeat_s = options_.heartbeat_s,
                             .lease_s = options_.lease_s,
                             .layout = options_.layout});
  return PoolEvent{.kind = PoolEvent::Kind::joined, .worker = peer, .reason = {}, .message = {}};
}

std::optional<PoolEvent> WorkerPool::receive(std::chrono::milliseconds timeout) {
  const auto received = socket_.receive(timeout);
  if (!received) return std::nullopt;
  const std::string& peer = received->peer;
  if (!received->message) {
    refuse(peer, received->reason, received->rejection == wire::Rejection::other_version);
    return std::nullopt;
  }
  const wire::Message& message = *received->message;
  if (const auto* hello = std::get_if<wire::Hello>(&message)) return greet(peer, *hello);
  if (received->epoch != options_.epoch) {
    refuse(peer, fmt::format("expected run epoch {}, got {}", options_.epoch, received->epoch), false);
    return std::nullopt;
  }
  if (!workers_.contains(peer)) {
    if (!std::holds_alternative<wire::Bye>(message)) refuse(peer, "expected a hello first (the lease ran out)", false);
    return std::nullopt;
  }
  if (const auto* bye = std::get_if<wire::Bye>(&message)) {
    workers_.erase(peer);
    return PoolEvent{.kind = PoolEvent::Kind::left, .worker = peer, .reason = bye->reason, .message = {}};
  }
  if (const auto* heartbeat = std::get_if<wire::Heartbeat>(&message)) {
    socket_.send(peer, options_.epoch, *heartbeat);
  }
  return PoolEvent{.kind = PoolEvent::Kind::message, .worker = peer, .reason = {}, .message = message};
}

bool WorkerPool::send(const std::string& worker, const wire::Message& message) {
  return socket_.send(worker, options_.epoch, message);
}

bool WorkerPool::send_model(const std::string& worker, int64_t round, const wire::Payload& model, bool again) {
  const auto known = workers_.find(worker);
  if (known == workers_.end()) return false;
  if (known->second.model_round == round && !again) return true;
  known->second.model_round = round;
  return send(worker, wire::Model{.round = round, .values = model});
}

void WorkerPool::forget_model() {
  for (auto& [worker, state] : workers_) state.model_round = -1;
}

void WorkerPool::drop(const std::string& worker, const std::string& reason) {
  if (workers_.erase(worker) > 0) refuse(worker, reason, false);
}

void WorkerPool::drain(const std::string& reason, std::chrono::milliseconds patience) {
  for (const auto& [worker, state] : workers_) send(worker, wire::Drain{reason});
  const auto until = std::chrono::steady_clock::now() + patience;
  while (!workers_.empty() && std::chrono::steady_clock::now() < until) receive(std::chrono::milliseconds(50));
}

}  // namespace archleak::server
