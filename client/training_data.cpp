#include "client/training_data.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>

#include "core/error.h"

namespace archleak::client {

int64_t validation_size(int64_t count, double valid_share) {
  const auto size = static_cast<int64_t>(static_cast<double>(count) * valid_share);
  return valid_share > 0 ? std::max<int64_t>(size, 1) : size;
}

int64_t batches_in_pass(int64_t count, int64_t batch_size) {
  const int64_t whole = count / batch_size;
  return whole + (count % batch_size > 1 || whole == 0 ? 1 : 0);
}

double sampling_rate(int64_t count, int64_t batch_size) {
  return std::min(1.0, static_cast<double>(batch_size) / static_cast<double>(count));
}

LocalSplit split_locally(std::span<const int64_t> indices, double valid_share, uint64_t seed, int64_t client) {
  const auto count = static_cast<int64_t>(indices.size());
  const int64_t valid = validation_size(count, valid_share);
  if (count - valid < 1) {
    throw DataError(
        fmt::format("client {}: expected at least {} examples, got {}", client, valid_share > 0 ? 2 : 1, count));
  }
  RandomEngine engine = make_engine({.seed = seed, .client = client, .purpose = "local split"});
  LocalSplit split;
  for (const int64_t position : random_permutation(count, engine)) {
    auto& part = static_cast<int64_t>(split.valid.size()) < valid ? split.valid : split.train;
    part.push_back(indices[position]);
  }
  return split;
}

MemberSplit split_members(const TrainingData& data, double reference_share, uint64_t seed, int64_t client) {
  const auto& indices = data.partition.at(client);
  if (reference_share <= 0) return {.members = indices, .reference = {}};
  MemberSplit split;
  if (!data.reference.empty()) {
    split = {.members = indices, .reference = data.reference.at(client)};
  } else {
    const int64_t reference = validation_size(std::ssize(indices), reference_share);
    RandomEngine engine = make_engine({.seed = seed, .client = client, .purpose = "reference part"});
    const auto order = random_permutation(std::ssize(indices), engine);
    std::vector<bool> is_reference(indices.size());
    for (int64_t i = 0; i < std::min(reference, std::ssize(indices)); ++i) is_reference[order[i]] = true;
    for (size_t i = 0; i < indices.size(); ++i) {
      (is_reference[i] ? split.reference : split.members).push_back(indices[i]);
    }
  }
  if (split.members.empty() || split.reference.empty()) {
    throw DataError(fmt::format("client {}: expected examples to train on and others as reference, got {} and {}",
                                client, split.members.size(), split.reference.size()));
  }
  return split;
}

BatchOrder::BatchOrder(std::span<const int64_t> indices, int64_t batch_size, StreamKey key)
    : indices_(indices.begin(), indices.end()), batch_size_(batch_size), key_(key) {}

int64_t BatchOrder::batches() const {
  return batches_in_pass(static_cast<int64_t>(indices_.size()), batch_size_);
}

std::span<const int64_t> BatchOrder::next() {
  const auto left = [this] { return static_cast<int64_t>(order_.size()) - position_; };
  if (left() <= 0 || (batch_size_ > 1 && left() == 1 && position_ > 0)) {
    RandomEngine engine = make_engine(key_);
    ++key_.index;
    order_ = indices_;
    const auto permutation = random_permutation(static_cast<int64_t>(order_.size()), engine);
    for (size_t i = 0; i < order_.size(); ++i) order_[i] = indices_[permutation[i]];
    position_ = 0;
  }
  const int64_t size = std::min(batch_size_, left());
  const auto batch = std::span<const int64_t>(order_).subspan(position_, size);
  position_ += size;
  return batch;
}

PoissonBatches::PoissonBatches(std::span<const int64_t> indices, int64_t batch_size, const StreamKey& key)
    : indices_(indices.begin(), indices.end()),
      rate_(sampling_rate(std::ssize(indices), batch_size)),
      engine_(make_engine(key)) {}

std::span<const int64_t> PoissonBatches::next() {
  batch_.clear();
  for (const int64_t index : indices_) {
    if (uniform(engine_) < rate_) batch_.push_back(index);
  }
  return batch_;
}

std::unique_ptr<Batches> make_batches(Sampling sampling, std::span<const int64_t> indices, int64_t batch_size,
                                      const StreamKey& key) {
  if (sampling == Sampling::poisson) return std::make_unique<PoissonBatches>(indices, batch_size, key);
  return std::make_unique<BatchOrder>(indices, batch_size, key);
}

}  // namespace archleak::client
