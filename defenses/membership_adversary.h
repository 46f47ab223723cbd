#pragma once
#include <memory>
#include <string>
#include <string_view>

#include "core/arena.h"
#include "core/optimizer.h"
#include "defenses/inference_network.h"

namespace archleak::defenses {

/// A classifier's answers about some examples.
struct Answers {
  torch::Tensor probabilities;  ///< `[examples, classes]`
  torch::Tensor labels;         ///< `[examples]`, the true ones
};

/// The inference player in the game of adversarial regularisation (Nasr, Shokri, Houmansadr, "Machine Learning with
/// Membership Privacy using Adversarial Regularization", CCS 2018, equation 5 and algorithm 1): the network h and its
/// Adam. The classifier f plays against it by minimising cross entropy + lambda * mean log h on its members.
///
/// Deterministic: draws nothing but the first weights.
class MembershipAdversary {
 public:
  MembershipAdversary(int64_t classes, const AdversarialOptions& options);

  /// Starts anew with weights drawn from `init`.
  void reset(const at::Generator& init);

  /// One step of h up the gain, 1/2 mean log h(members) + 1/2 mean log(1 - h(others)), in nats; returns what it was
  /// before. -log 2 is what guessing gains, 0 what certainty does. `members` and `others` need at least one example.
  double ascend(const Answers& members, const Answers& others);

  /// mean log h of answers about members, a scalar of the graph that made them: what the classifier wants small.
  torch::Tensor mean_log_membership(const Answers& members);

  /// h and Adam's state as bytes, at most 12 a parameter and a few.
  std::string save() const;

  /// The inverse. Throws DataError or CheckpointError for bytes that `save` of such a network cannot have made.
  void load(std::string_view bytes);

 private:
  std::shared_ptr<InferenceNetwork> network_;
  Arena arena_;
  Optimizer optimizer_;
};

}  // namespace archleak::defenses
