#pragma once
#include <torch/torch.h>

#include <vector>

namespace archleak::models {

/// Mean and biased variance by channel.
struct BatchStatistics {
  std::vector<double> mean, variance;
};

/// From `sums` `[2, channels]`: y and y y over `count` values a channel.
BatchStatistics batch_statistics(const double* sums, int64_t channels, double count);

/// Batch normalisation over `[batch, channels, height, width]` or `[batch, channels]`, eps 1e-5, momentum 0.1.
///
/// Unlike torch's, its counter `num_batches_tracked` is a float, so that it lives in the arena and survives averaging.
/// State names and values are otherwise torch's. On dense channels_last tensors on the CPU its sums are taken in
/// float64 in a fixed order, so that its results do not depend on the number of threads.
class BatchNorm : public torch::nn::Module {
 public:
  BatchNorm(int64_t channels, bool affine);

  /// Training mode normalises with the batch's statistics and updates the running ones; evaluation mode normalises
  /// with the running ones, or with the batch's after `use_batch_statistics(true)`, which also stops the updates.
  torch::Tensor forward(const torch::Tensor& input);

  void use_batch_statistics(bool only) { batch_only_ = only; }
  bool uses_batch_statistics() const { return batch_only_; }
  bool normalises_by_batch() const { return !by_group_ && (batch_only_ || is_training()); }

  /// From now on normalises every example by itself, in training and evaluation mode, over groups of channels (group
  /// normalisation, Wu and He 2018): as many groups as divide the channels, up to 32 and of at least four channels.
  /// Statistics stay as they are.
  void use_groups() { by_group_ = true; }
  bool normalises_by_group() const { return by_group_; }

  BatchStatistics running_statistics() const;
  /// Moves the running statistics towards those of a batch of `count` values a channel, and counts it; does nothing
  /// after `use_batch_statistics(true)`.
  void track(const BatchStatistics& statistics, double count);

  static constexpr double kEpsilon = 1e-5;
  static constexpr double kMomentum = 0.1;

  torch::Tensor weight;               ///< `[channels]`, undefined unless affine
  torch::Tensor bias;                 ///< `[channels]`, undefined unless affine
  torch::Tensor running_mean;         ///< `[channels]`
  torch::Tensor running_var;          ///< `[channels]`
  torch::Tensor num_batches_tracked;  ///< scalar

 private:
  bool batch_only_ = false;
  bool by_group_ = false;
};

/// Calls `use_batch_statistics` on every BatchNorm in `module`.
void use_batch_statistics(torch::nn::Module& module, bool only);

/// Calls `use_groups` on every BatchNorm in `module`: examples no longer depend on the others of their batch.
void use_group_norm(torch::nn::Module& module);

/// Whether a BatchNorm in `module` normalises examples together.
bool mixes_examples(const torch::nn::Module& module);

}  // namespace archleak::models
