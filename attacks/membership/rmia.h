#pragma once
#include <vector>

#include "attacks/membership/shadow_table.h"

namespace archleak::attacks {

struct RmiaOptions {
  enum class Mode {
    online,   ///< P(x) = (mean over IN + mean over OUT) / 2
    offline,  ///< P(x) = (1 + a) / 2 * mean over OUT + (1 - a) / 2
  };
  Mode mode = Mode::offline;
  double a = 0.3;      ///< offline: how far IN lies above OUT, in [0, 1]; 1 takes OUT as it is
  double gamma = 1.0;  ///< how much more likely than z a sample has to be, positive
};

/// The robust membership inference attack: the share of population samples z that x beats,
/// P_z(LR(x, z) >= gamma) with LR(x, z) = (p(x | target) / P(x)) / (p(z | target) / P(z)).
/// Returns scores in [0, 1], [samples]; they are multiples of 1 / |z|, with ties.
///
/// p is the probability that a model gives the label, the logistic function of phi; ratios are of logarithms, so that
/// confident models do not round to 1. P is the mean over shadow models by `mode`; population samples are OUT of all
/// of them: P(z) is their mean online, and has the same `a` offline, as in Privacy Meter. Zarifzadeh, Liu, Shokri,
/// "Low-Cost High-Power Membership Inference Attacks" (2024).
///
/// `samples` and `population` hold phi of the same shadow models; `target` and `target_population` those of the target,
/// of the same samples in their order. Throws DataError for tables that `check_shadows` refuses or of other lengths, a
/// population that is empty or has an IN flag, and a sample without a shadow that is needed (OUT always, IN online);
/// ConfigError for options out of range.
std::vector<double> rmia(const ShadowTable& samples, const std::vector<double>& target, const ShadowTable& population,
                         const std::vector<double>& target_population, const RmiaOptions& options = {});

/// The `a` for offline RMIA, of 0, 0.1, ..., 1: the one with which the attack on the first shadow model, by the others,
/// has the largest AUC; the smallest of several. Nothing is learnt from the target's members. Takes `gamma` from
/// `options`. Throws as `rmia`, and DataError unless the first shadow has samples on both sides.
double fit_rmia_a(const ShadowTable& samples, const ShadowTable& population, RmiaOptions options = {});

}  // namespace archleak::attacks
