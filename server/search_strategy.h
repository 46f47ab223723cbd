#pragma once
#include <torch/torch.h>

#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "nas/genotype.h"
#include "nas/instruction.h"

namespace archleak::server {

/// What one client is asked after a round's training: how many of its validation examples these sub-networks of the
/// new global model classify right, without any training.
struct Question {
  int64_t client = 0;
  std::vector<nas::Choice> candidates;
};

/// A client's answer.
struct Answer {
  int64_t client = 0;
  int64_t examples = 0;         ///< that it has for validation, at least one
  std::vector<double> correct;  ///< by candidate
};

/// The share of all clients' validation examples that each candidate classifies right, where all were asked for the
/// same. Throws Error when there is no answer.
std::vector<double> accuracy_of_candidates(const std::vector<Answer>& answers);

/// Something for the run's log.
struct StrategyEvent {
  std::string kind;
  nlohmann::ordered_json fields;
};

/// The server's part in an architecture search: what it tells clients to train, what it learns from their results, and
/// which architecture comes out.
///
/// This base is a search without a part for the server: alpha moves with the clients' updates, as the weights do. The
/// coordinator calls, round by round: `begin_round`, `instruction` and `sub_network` as often as it likes, `learn`,
/// then `ask` and `hear` until there is nothing to ask, `evaluated`. All that a strategy does is a function of its
/// state, the seed and the round, so that a run continues from `save` with the same bits.
class SearchStrategy {
 public:
  virtual ~SearchStrategy() = default;

  /// Before the round's first task; may change the global model. Returns an event if the model has started anew: then
  /// the server's optimizers and what clients keep start anew, too. Called again after an interruption.
  virtual std::optional<StrategyEvent> begin_round(int64_t /*round*/) { return {}; }

  /// The round's instruction for one client's training (nas/instruction.h), as bytes.
  virtual std::string instruction(int64_t /*round*/, int64_t /*client*/) const { return {}; }

  /// The sub-network that the client then trains; empty: the whole network.
  virtual nas::Choice sub_network(int64_t /*round*/, int64_t /*client*/) const { return {}; }

  /// Whether clients must report how well their sub-network did (figure "reward").
  virtual bool wants_rewards() const { return false; }

  /// Takes the rewards of the clients that count, after the model has been updated.
  virtual void learn(int64_t /*round*/, const std::map<int64_t, double>& /*reward_by_client*/) {}

  /// The next questions to the round's clients, at most one each; none: that was all. After the answers to the last
  /// round's questions the search is at its end.
  virtual std::vector<Question> ask(int64_t /*round*/, std::span<const int64_t> /*clients*/) { return {}; }

  /// Takes the answers to what `ask` returned last, from those clients that gave one. Throws Error when there are none.
  virtual std::optional<StrategyEvent> hear(int64_t /*round*/, const std::vector<Answer>& /*answers*/) { return {}; }

  /// The instruction for an evaluation on held-out data, as bytes: which part of the network stands for the search as
  /// it is.
  virtual std::string evaluated() const { return {}; }

  /// How undecided the search is, in nats a decision, given the rows of alpha (server/alpha_sampling.h); nothing if
  /// that says nothing.
  virtual std::optional<double> entropy(const std::vector<torch::Tensor>& rows) const;

  /// The architecture that comes out; nothing: what alpha derives to.
  virtual std::optional<nas::Genotype> genotype() const { return {}; }

  /// The state for a checkpoint, and the inverse. Throws CheckpointError.
  virtual std::string save() const { return {}; }
  virtual void load(std::string_view bytes);
};

}  // namespace archleak::server
