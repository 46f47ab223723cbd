#pragma once
#include "nas/strategy.h"
#include "server/search_strategy.h"

namespace archleak::server {

/// SMASH as a federated search: clients train the hypernetwork and the other shared weights, each local step on a
/// sub-network that they draw at random; what they send is as in training one network. After the last round the clients
/// try random sub-networks with generated weights, then perturbed ones of the best: the best of all is the result.
/// Until then the first of them stands for the search.
class SmashSearch : public SearchStrategy {
 public:
  /// For cells of `steps` nodes whose last `multiplier` form the output, over `rounds` rounds.
  SmashSearch(const nas::SmashOptions& options, int64_t steps, int64_t multiplier, uint64_t seed, int64_t rounds);

  std::string instruction(int64_t round, int64_t client) const override;
  std::vector<Question> ask(int64_t round, std::span<const int64_t> clients) override;
  std::optional<StrategyEvent> hear(int64_t round, const std::vector<Answer>& answers) override;
  std::string evaluated() const override;
  std::optional<double> entropy(const std::vector<torch::Tensor>& rows) const override;
  std::optional<nas::Genotype> genotype() const override;
  std::string save() const override;
  void load(std::string_view bytes) override;

 private:
  enum class Phase : uint32_t { random, perturbed, done };

  nas::SmashOptions options_;
  int64_t steps_, multiplier_;
  uint64_t seed_;
  int64_t rounds_;
  Phase phase_ = Phase::random;
  std::vector<nas::Choice> candidates_;  ///< of the phase
  nas::Choice best_;
  double best_accuracy_ = -1;
};

}  // namespace archleak::server
