#pragma once
#include <memory>
#include <span>
#include <vector>

#include "core/random.h"
#include "data/dataset.h"
#include "data/partition.h"
#include "data/transform.h"

namespace archleak::client {

/// What all clients of a run share: the examples, who has which, and how they become input. Read-only.
struct TrainingData {
  data::Splits splits;
  data::Partition partition;        ///< indices into splits.train by client
  data::Transform transform;        ///< for training
  data::Transform plain_transform;  ///< for evaluation
};

/// One client's examples in two disjoint parts, the same in every round.
struct LocalSplit {
  std::vector<int64_t> train;
  std::vector<int64_t> valid;
};

/// Splits `indices`, shuffled by (seed, client), so that `valid_share` of them (rounded down, at least one when the
/// share is positive) go to the validation part. Throws DataError when the train part would be empty.
LocalSplit split_locally(std::span<const int64_t> indices, double valid_share, uint64_t seed, int64_t client);

/// An endless sequence of batches over one part: each pass visits every example once, in a new order.
class BatchOrder {
 public:
  /// `key` names the stream of orders; its index counts the passes.
  BatchOrder(std::span<const int64_t> indices, int64_t batch_size, StreamKey key);

  /// The next batch, of batch_size examples or what is left of the pass; valid until the next call. A single example
  /// left over by larger batches is skipped, since batch statistics need two; it comes elsewhere in the next pass.
  std::span<const int64_t> next();

  /// Batches in one pass.
  int64_t batches() const;

 private:
  std::vector<int64_t> indices_;
  std::vector<int64_t> order_;
  int64_t batch_size_;
  int64_t position_ = 0;
  StreamKey key_;
};

}  // namespace archleak::client
