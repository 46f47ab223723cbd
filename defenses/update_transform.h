#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "core/protocol.h"
#include "core/random.h"
#include "defenses/options.h"

namespace archleak::defenses {

/// Whose update of which round: every random draw is keyed by these and the transform's name.
struct UpdateKey {
  uint64_t seed = 0;
  int64_t round = 0;
  int64_t client = 0;
};

/// Adds independent draws of N(0, std^2).
void add_gaussian_noise(std::span<float> values, double std, RandomEngine& engine);

/// Clips `values` to the L2 norm `clip`, rounding included, and adds N(0, std^2) to each.
void clip_and_add_noise(std::span<float> values, double clip, double std, RandomEngine& engine);

/// Sets all but the `share` of `values` with the largest magnitudes to zero; the number kept is rounded up, and of
/// equal magnitudes the first are kept. `residual`, of the same size or empty, is added before and holds what was set
/// to zero afterwards.
void keep_largest(std::span<float> values, double share, std::span<float> residual = {});

/// Rounds every value to one of the 2^bits - 1 levels m * l / (2^(bits-1) - 1), |l| < 2^(bits-1), where m is the
/// largest magnitude; up or down at random, so that the expectation is the value. `bits` is from 2 to 16.
void quantise(std::span<float> values, int bits, RandomEngine& engine);

/// A list of transforms on updates, as a client applies them just before it sends. Without transforms it does nothing.
///
/// The same key gives the same bits on every worker. Thread-safe.
class UpdateDefense {
 public:
  UpdateDefense() = default;

  /// `clip_noise_std` is the standard deviation of the noise of clip_noise (PrivacyPlan::client_std). Throws
  /// ConfigError for options out of range.
  explicit UpdateDefense(const DefenseOptions& options, double clip_noise_std = 0);

  bool empty() const { return options_.transforms.empty(); }

  /// Whether clients keep what they held back for their next update.
  bool keeps_residual() const;

  /// Applies the transforms to the weights and alpha of `update`, `[layout.size()]`: gradients or differences, never
  /// values. Batch-norm statistics, which come last, stay as they are. `residual` is what the client held back so far
  /// and is replaced; empty at first; needed if `keeps_residual`. Throws DataError for other sizes and values that are
  /// not finite.
  void apply(std::span<float> update, const UpdateLayout& layout, const UpdateKey& key,
             std::vector<float>* residual = nullptr) const;

 private:
  DefenseOptions options_;
  double clip_noise_std_ = 0;
};

}  // namespace archleak::defenses
