#pragma once
#include <cstdint>
#include <span>
#include <vector>

namespace archleak::defenses {

// Distillation for membership privacy (DMP; Shejwalkar and Houmansadr, "Membership Privacy for Machine Learning Models
// Through Knowledge Transfer", AAAI 2021). A teacher is trained on the private examples; a student is trained on
// reference examples alone, which are none of them, towards the teacher's probabilities. What the student knows of the
// private examples went through those. distillation_loss.h has the student's loss.

/// What a teacher says of its examples: softmax(logits / temperature), of `logits` `[examples, classes]`, in their
/// shape. Throws DataError for a length that is no multiple of `classes` and for logits that are not finite.
std::vector<float> soft_labels(std::span<const float> logits, int64_t classes, double temperature);

/// The entropy in nats `[examples]` of softmax(logits), at temperature 1. Throws as `soft_labels`.
std::vector<double> prediction_entropies(std::span<const float> logits, int64_t classes);

/// Which `quantile` (0 to 1) of the entropies are the lowest, rounded up to whole examples: their indices, ascending.
/// Of equal ones the first are kept. A student learns best from what the teacher is sure of, and such answers differ
/// least between teachers that were and were not trained on a given example (section 4 of the paper).
std::vector<int64_t> lowest_entropies(std::span<const double> entropies, double quantile);

}  // namespace archleak::defenses
