#pragma once
#include <torch/torch.h>

#include <cstdint>
#include <span>
#include <vector>

#include "core/arena.h"

namespace archleak::server {

/// Architecture parameters that never leave the server (protocol server_alpha): each client trains a sub-network that
/// is sampled from softmax(alpha), and alpha follows the clients' rewards by REINFORCE (Williams 1992).

/// The rows of alpha, one an edge, `[operations]` each, as they lie in the arena's alpha segment.
std::vector<torch::Tensor> alpha_rows(const Arena& arena);

/// One operation's index for each row, drawn for (seed, round, client) from the softmax of the row.
std::vector<int64_t> sample_choice(const std::vector<torch::Tensor>& rows, uint64_t seed, int64_t round,
                                   int64_t client);

/// A tensor that only sub-networks with one operation have: `size` floats from `offset` in the arena, of the operation
/// `operation` in row `row` of alpha.
struct OperationPart {
  int64_t offset = 0;
  int64_t size = 0;
  int64_t row = 0;
  int64_t operation = 0;
};

/// A client whose update counts: its sub-network and its weight in the mean.
struct Holder {
  std::vector<int64_t> choice;
  int64_t weight = 0;
};

/// Turns the mean over all clients into the mean over those that had each part; a part that none had stays as the model
/// in `arena` is. `mean` is `[weights | buffers]`, of differences (weights) and values (buffers), where a client
/// without the part counted with no change.
void average_over_holders(std::span<float> mean, const Arena& arena, std::span<const OperationPart> parts,
                          std::span<const Holder> holders);

/// A sampled sub-network and how well it did.
struct Reward {
  std::vector<int64_t> choice;
  double reward = 0;
};

/// The gradient to descend, `[alpha]`: minus the mean over `rewards` of (reward - baseline) grad log p(choice).
torch::Tensor policy_gradient(const std::vector<torch::Tensor>& rows, std::span<const Reward> rewards, double baseline);

/// Mean over the rows of the entropy of their softmax, in nats; nothing to say (0) without rows.
double alpha_entropy(const std::vector<torch::Tensor>& rows);

}  // namespace archleak::server
