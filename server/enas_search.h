#pragma once
#include "nas/enas_controller.h"
#include "nas/strategy.h"
#include "server/search_strategy.h"

namespace archleak::server {

/// ENAS as a federated search. A round trains the shared weights, then the controller: each client trains a sub-network
/// drawn for it (protocol server_alpha; weights are averaged over those that had them); then, `controller_steps` times,
/// each client tries `samples` others on its validation part with the new shared weights, and the controller takes a
/// step of REINFORCE on these accuracies. After the last round all clients try the same `candidates`; the result is the
/// one that classifies most of their validation examples right. Nothing of the controller is on the wire.
class EnasSearch : public SearchStrategy {
 public:
  /// For cells of `steps` nodes whose last `multiplier` form the output, over `rounds` rounds.
  EnasSearch(const nas::EnasOptions& options, int64_t steps, int64_t multiplier, uint64_t seed, int64_t rounds);

  std::string instruction(int64_t round, int64_t client) const override;
  nas::Choice sub_network(int64_t round, int64_t client) const override;
  std::vector<Question> ask(int64_t round, std::span<const int64_t> clients) override;
  std::optional<StrategyEvent> hear(int64_t round, const std::vector<Answer>& answers) override;
  std::string evaluated() const override;
  std::optional<double> entropy(const std::vector<torch::Tensor>& rows) const override;
  std::optional<nas::Genotype> genotype() const override;
  std::string save() const override;
  void load(std::string_view bytes) override;

 private:
  nas::Choice current() const;  ///< what stands for the search: the best candidate, before that the likeliest

  nas::EnasOptions options_;
  int64_t steps_, multiplier_;
  uint64_t seed_;
  int64_t rounds_;
  nas::EnasController controller_;
  nas::ControllerTrainer trainer_;
  nas::Choice best_;  // after the last round

  // Within a round; one that is interrupted begins again.
  int64_t step_ = 0;                                             // of the controller
  std::map<int64_t, std::vector<nas::ControllerSample>> asked_;  // by client
  std::vector<nas::Choice> candidates_;                          // that all clients are asked for
};

}  // namespace archleak::server
