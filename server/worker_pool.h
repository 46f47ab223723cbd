#pragma once
#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "wire/transport.h"

namespace archleak::server {

/// What every worker is told when it comes in.
struct PoolOptions {
  uint64_t epoch = 1;  ///< of this start of the coordinator; messages of another epoch are refused
  std::string config;  ///< the resolved configuration
  std::string layout;  ///< the arena's fingerprint
  double heartbeat_s = 1;
  double lease_s = 30;
};

/// A worker that has been let in.
struct PoolWorker {
  uint64_t session = 0;  ///< of its hello; another one is a fresh start of the worker
  int slots = 1;
  int64_t model_round = -1;  ///< the last model that it was sent
};

/// What happened at the door or came through it.
struct PoolEvent {
  enum class Kind { joined, left, message } kind;
  std::string worker;
  std::string reason;                    ///< left
  std::optional<wire::Message> message;  ///< message: one that only a welcomed worker sends
};

/// The coordinator's view of its workers: lets them in, refuses what is stale or malformed with a reason, answers
/// heartbeats, and passes everything else on. Single-threaded.
class WorkerPool {
 public:
  WorkerPool(wire::CoordinatorSocket& socket, PoolOptions options);

  /// Waits for the next event; nothing on timeout, on a signal, and after messages that end at the door.
  std::optional<PoolEvent> receive(std::chrono::milliseconds timeout);

  /// Sends to a worker. False: it is gone (it stays in the pool until `drop`).
  bool send(const std::string& worker, const wire::Message& message);

  /// Sends the global model of `round`, unless the worker has it already and `again` is false. False: it is gone.
  bool send_model(const std::string& worker, int64_t round, const wire::Payload& model, bool again);

  /// From now on workers have no model: it has changed without another round.
  void forget_model();

  /// Forgets a worker, which is told to say hello again should it still be there.
  void drop(const std::string& worker, const std::string& reason);

  /// Tells all workers to leave and waits up to `patience` for their goodbyes.
  void drain(const std::string& reason, std::chrono::milliseconds patience);

  const std::map<std::string, PoolWorker>& workers() const { return workers_; }
  int64_t refused() const { return refused_; }  ///< messages that ended at the door
  wire::Traffic sent() const { return socket_.sent().total(); }
  wire::Traffic received() const { return socket_.received().total(); }

 private:
  std::optional<PoolEvent> greet(const std::string& peer, const wire::Hello& hello);
  void refuse(const std::string& peer, const std::string& reason, bool final);

  wire::CoordinatorSocket& socket_;
  PoolOptions options_;
  std::map<std::string, PoolWorker> workers_;
  int64_t refused_ = 0;
};

}  // namespace archleak::server
