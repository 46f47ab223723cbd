#pragma once
#include <memory>
#include <span>
#include <vector>

#include "core/random.h"
#include "data/dataset.h"
#include "data/partition.h"
#include "data/transform.h"

namespace archleak::client {

/// What a teacher said of the training examples, where a student learns from it (client/distil.h).
struct SoftLabels {
  std::vector<float> probabilities;  ///< [examples, classes]; empty: there is no teacher, examples have their labels
  double temperature = 1;            ///< that they were taken at
};

/// What all clients of a run share: the examples, who has which, and how they become input. Read-only.
struct TrainingData {
  data::Splits splits;
  data::Partition partition;        ///< indices into splits.train by client
  data::Transform transform;        ///< for training
  data::Transform plain_transform;  ///< for evaluation
  SoftLabels soft_labels = {};      ///< of splits.train
  data::Partition reference = {};   ///< examples of splits.train that only a client's inference network sees, by
                                    ///< client; empty: a share of its own part (see split_members)
};

/// One client's examples in two disjoint parts, the same in every round.
struct LocalSplit {
  std::vector<int64_t> train;
  std::vector<int64_t> valid;
};

/// Splits `indices`, shuffled by (seed, client), so that `valid_share` of them (rounded down, at least one when the
/// share is positive) go to the validation part. Throws DataError when the train part would be empty.
LocalSplit split_locally(std::span<const int64_t> indices, double valid_share, uint64_t seed, int64_t client);

/// Examples that `split_locally` puts into the validation part of `count`.
int64_t validation_size(int64_t count, double valid_share);

/// One client's examples under adversarial regularisation: those that the classifier is trained on, and those that only
/// the inference network sees, as non-members. What an audit must count as members is the former alone.
struct MemberSplit {
  std::vector<int64_t> members;
  std::vector<int64_t> reference;
};

/// The split of a client of `data`. Its reference part is what `data.reference` gives it; without one,
/// `reference_share` of its own part (rounded down, at least one) is drawn by (seed, client). Both parts keep their
/// order. With share 0, without adversarial regularisation, all are members. Throws DataError when either part would be
/// empty.
MemberSplit split_members(const TrainingData& data, double reference_share, uint64_t seed, int64_t client);

/// Batches of `batch_size` in one pass over `count` examples: a single one left over by larger batches is none.
int64_t batches_in_pass(int64_t count, int64_t batch_size);

/// The probability with which Poisson sampling draws each of `count` examples, so that a batch has `batch_size` of them
/// in the mean; 1 for fewer.
double sampling_rate(int64_t count, int64_t batch_size);

/// An endless sequence of batches over one part of a client's examples.
class Batches {
 public:
  virtual ~Batches() = default;

  /// The next batch, as indices of examples; valid until the next call.
  virtual std::span<const int64_t> next() = 0;
};

/// Each pass visits every example once, in a new order.
class BatchOrder : public Batches {
 public:
  /// `key` names the stream of orders; its index counts the passes.
  BatchOrder(std::span<const int64_t> indices, int64_t batch_size, StreamKey key);

  /// Of batch_size examples or what is left of the pass. A single example left over by larger batches is skipped, since
  /// batch statistics need two; it comes elsewhere in the next pass.
  std::span<const int64_t> next() override;

  /// Batches in one pass.
  int64_t batches() const;

 private:
  std::vector<int64_t> indices_;
  std::vector<int64_t> order_;
  int64_t batch_size_;
  int64_t position_ = 0;
  StreamKey key_;
};

/// Poisson sampling: each batch has every example with probability `sampling_rate`, whatever the others have; it may be
/// empty. What amplification by sampling assumes.
class PoissonBatches : public Batches {
 public:
  PoissonBatches(std::span<const int64_t> indices, int64_t batch_size, const StreamKey& key);
  std::span<const int64_t> next() override;

 private:
  std::vector<int64_t> indices_;
  std::vector<int64_t> batch_;
  double rate_;
  RandomEngine engine_;
};

/// How a step's batch is chosen.
enum class Sampling {
  passes,   ///< BatchOrder
  poisson,  ///< PoissonBatches
};
std::unique_ptr<Batches> make_batches(Sampling sampling, std::span<const int64_t> indices, int64_t batch_size,
                                      const StreamKey& key);

}  // namespace archleak::client
