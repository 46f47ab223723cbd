#pragma once
#include <memory>

#include "nas/progressive.h"
#include "nas/search_network.h"
#include "server/search_strategy.h"

namespace archleak::server {

/// P-DARTS as a federated search: clients take architecture steps as under DARTS, in the part of the space that their
/// instruction says. With each stage's first round edges keep fewer operations, the strongest by alpha, the network
/// grows, and weights, alpha and whatever clients keep start anew.
class ProgressiveSearch : public SearchStrategy {
 public:
  /// `network` is the global model, at the weights of the first stage; it is restricted to the stage at hand. Throws
  /// ConfigError when a stage's network is no part of it.
  ProgressiveSearch(const nas::ProgressiveOptions& options, std::shared_ptr<nas::SearchNetwork> network, int64_t steps,
                    int64_t multiplier, uint64_t seed, int64_t rounds);

  std::optional<StrategyEvent> begin_round(int64_t round) override;
  std::string instruction(int64_t round, int64_t client) const override;
  std::string evaluated() const override;
  std::optional<double> entropy(const std::vector<torch::Tensor>& rows) const override;
  std::optional<nas::Genotype> genotype() const override;
  std::string save() const override;
  void load(std::string_view bytes) override;

 private:
  void enter(int64_t stage, std::vector<nas::OperationSet> kept);
  std::vector<std::vector<double>> probabilities() const;

  nas::ProgressiveOptions options_;
  std::shared_ptr<nas::SearchNetwork> network_;
  int64_t steps_, multiplier_;
  uint64_t seed_;
  int64_t rounds_;
  int64_t stage_ = 0;
  nas::Stage now_;
};

}  // namespace archleak::server
