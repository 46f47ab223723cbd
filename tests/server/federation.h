#pragma once
#include <atomic>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "client/worker.h"
#include "server/coordinator.h"

namespace archleak::test {

/// A model of a few floats in all three segments.
struct ToyModel {
  ToyModel();
  std::shared_ptr<torch::nn::Module> module;
  Arena arena;
};

/// What the toy workload of a Federation does besides its arithmetic.
struct ToyBehaviour {
  std::set<int64_t> not_finite;                               ///< clients whose update holds a NaN
  std::set<int64_t> failing;                                  ///< clients that throw
  std::function<void(int64_t round, int64_t client)> before;  ///< called before each client's arithmetic
  std::function<void()> before_evaluation;                    ///< called before each evaluation
  bool keeps_state = false;  ///< each client counts its rounds in its state, and its update depends on it
};

/// One federated run within this process: a coordinator on the calling thread and workers on threads of their own, over
/// a real socket, with a workload whose update is arithmetic on the model, the round, the client and its instruction.
struct Federation {
  std::string url = "inproc://federation";
  int workers = 2;
  int slots = 1;
  int64_t clients = 7;
  std::string config = "toy";  ///< what the workers are sent
  ProtocolOptions protocol;
  server::CoordinatorOptions options;
  ToyBehaviour behaviour;
  std::optional<defenses::PrivacyPlan> privacy;
  std::optional<defenses::DpSgdPlan> dp_sgd;
  std::shared_ptr<server::SearchStrategy> strategy;  ///< null: alpha on the server under server_alpha, else none
  std::filesystem::path checkpoints;                 ///< empty: a fresh folder
  int64_t stop_after = -1;                           ///< the coordinator is stopped once so many rounds are finished

  Federation();

  /// What a run left behind.
  struct Result {
    server::RunEnd end;
    std::vector<server::RoundRecord> rounds;
    std::vector<std::string> events;  ///< kinds
    std::vector<float> model;
  };
  Result run() const;
};

}  // namespace archleak::test
