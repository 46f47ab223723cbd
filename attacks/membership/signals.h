#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace archleak::attacks {

/// What a model answers about samples, beside the truth: one row a sample.
struct Signals {
  int64_t classes = 0;          ///< at least 2
  std::vector<double> logits;   ///< [samples, classes], row by row, finite; up to a constant for each row
  std::vector<int64_t> labels;  ///< [samples], in 0..classes-1
  std::vector<uint8_t> member;  ///< [samples], 1: in the training set of the model that answered

  int64_t samples() const { return static_cast<int64_t>(labels.size()); }
  std::span<const double> row(int64_t sample) const;  ///< [classes]
};

/// Throws DataError, beginning with `where` ("shadow signals"), unless the lengths agree, labels are in range and
/// logits finite.
void check_signals(const Signals& signals, const std::string& where);

/// Logits that stand for probabilities `[samples, classes]` in [0, 1]: their logarithms, with zeros at 1e-45 (as the
/// published code of LiRA has it). Throws DataError for other values. Where the target gives logits, use those: a
/// probability that is rounded to 1 says nothing more.
std::vector<double> logits_of(std::span<const double> probabilities);

/// Cross entropy -log p_label in nats, [samples].
std::vector<double> loss(const Signals& signals);

/// 1 where the largest logit (the first of several) is the label's, [samples].
std::vector<uint8_t> correct(const Signals& signals);

/// phi = log p_label - log(sum of the other probabilities), [samples]: the logit of p_label, which is about normal over
/// models where probabilities are not (Carlini et al., "Membership Inference Attacks From First Principles", 2022).
/// Computed from logits, so that it does not saturate: phi = z_label - logsumexp(other z).
std::vector<double> scaled_confidence(const Signals& signals);

}  // namespace archleak::attacks
