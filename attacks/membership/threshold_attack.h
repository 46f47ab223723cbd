#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "attacks/membership/signals.h"

namespace archleak::attacks {

/// Attacks that compare one number of a sample with a threshold. Turned so that a larger one says "member":
enum class ThresholdSignal {
  confidence,        ///< log of the largest probability, no label needed (Salem et al. 2019, adversary 3)
  loss,              ///< minus the cross entropy (Yeom et al. 2018); ranks as the label's confidence of Song and Mittal
  entropy,           ///< minus the entropy of the probabilities, no label needed (Song and Mittal 2021)
  modified_entropy,  ///< minus Mentr = -(1 - p_y) log p_y - sum over i != y of p_i log(1 - p_i) (Song and Mittal 2021,
                     ///< "Systematic Evaluation of Privacy Risks of Machine Learning Models")
  correctness,       ///< 1 where classified right, else 0 (the gap attack, Yeom et al. 2018)
};

/// Whether one threshold serves all classes, or each has its own.
enum class ThresholdScope { global, per_class };

/// The signal of each sample, [samples], in nats (correctness: 0 or 1); finite. Does not look at member flags. Throws
/// DataError for signals that `check_signals` refuses.
std::vector<double> threshold_signal(ThresholdSignal kind, const Signals& signals);

/// Thresholds for a signal: a sample is called a member if its signal is at least that of its class.
struct Thresholds {
  std::vector<double> by_class;  ///< [classes]; all the same if the scope is global
};

/// The thresholds that make balanced accuracy largest on the given signal, labels and member flags, `[samples]` each:
/// of shadow models, so that nothing is learnt from the target's members. A threshold lies halfway between the two
/// signals that it separates. A class that lacks members or non-members takes the global one. Throws DataError unless
/// there are members and non-members, and for labels that are not in 0..classes-1.
Thresholds fit_thresholds(std::span<const double> signal, std::span<const int64_t> labels,
                          std::span<const uint8_t> member, int64_t classes, ThresholdScope scope);

/// Scores of the target's samples, [samples]: signal minus the threshold of the class, fitted on `shadow`. At least 0
/// says "member", so evaluate these with a threshold of 0. Throws DataError as above, and for other numbers of classes.
std::vector<double> threshold_attack(ThresholdSignal kind, ThresholdScope scope, const Signals& shadow,
                                     const Signals& target);

}  // namespace archleak::attacks
