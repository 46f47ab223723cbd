#pragma once
#include "core/arena.h"
#include "core/optimizer.h"
#include "server/search_strategy.h"

namespace archleak::server {

/// Alpha that never leaves the server (protocol server_alpha): each client trains a sub-network drawn from the softmax
/// of alpha's rows, and alpha follows the rewards by REINFORCE (server/alpha_sampling.h), against a moving mean of
/// rewards (decay 0.9) that starts at the first round's.
class SampledAlpha : public SearchStrategy {
 public:
  /// `arena` shares its memory with the global model.
  SampledAlpha(const Arena& arena, const OptimizerOptions& optimizer, uint64_t seed);

  std::string instruction(int64_t round, int64_t client) const override;
  nas::Choice sub_network(int64_t round, int64_t client) const override;
  bool wants_rewards() const override { return true; }
  void learn(int64_t round, const std::map<int64_t, double>& reward_by_client) override;
  std::string save() const override;
  void load(std::string_view bytes) override;

 private:
  Arena arena_;
  uint64_t seed_;
  Optimizer optimizer_;
  double baseline_ = 0;
};

}  // namespace archleak::server
