#pragma once
#include <string>
#include <vector>

namespace archleak::client {

/// What a client keeps from round to round; empty unless the configuration says otherwise.
struct ClientState {
  std::string weight_optimizer;  ///< Optimizer::save
  std::string alpha_optimizer;
  std::vector<float> buffers;   ///< its own batch-norm statistics
  std::vector<float> residual;  ///< what a defence held back of its updates
  std::string adversary;        ///< its inference network (defenses/membership_adversary.h)

  /// As bytes; nothing for an empty state.
  std::string encode() const;

  /// The inverse. Throws DataError for bytes that `encode` cannot have made.
  static ClientState decode(const std::string& bytes);
};

}  // namespace archleak::client
