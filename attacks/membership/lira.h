#pragma once
#include <cstdint>
#include <vector>

#include "attacks/membership/shadow_table.h"

namespace archleak::attacks {

struct LiraOptions {
  enum class Mode {
    online,   ///< shadows with and without the sample: trained after the sample to attack is known
    offline,  ///< shadows without the sample alone
  };
  enum class Centre { median, mean };
  enum class Variance {
    per_sample,  ///< each sample's own; wants some 64 shadows
    global,      ///< one for IN and one for OUT, pooled over samples; for few shadows
  };
  Mode mode = Mode::online;
  Centre centre = Centre::median;
  Variance variance = Variance::per_sample;
};

/// The variance to take with so many shadow models: each sample's own from 64 on.
LiraOptions::Variance lira_variance(int64_t shadows);

/// The likelihood-ratio attack: for each sample, normal distributions of phi over shadow models trained with it (IN)
/// and without it (OUT), and where the target's phi lies. Returns scores, [samples], in nats online, in deviations
/// offline.
///
/// Online: log N(phi; IN) - log N(phi; OUT). Offline: (phi - centre) / deviation of OUT, of which the paper's one-sided
/// P(Z <= phi) is the normal distribution function; that would saturate at 1. Carlini et al., "Membership Inference
/// Attacks From First Principles" (2022), algorithm 1; deviations are divided by n, and centres are
/// medians by default, as in the published code. Its global variance is that of all phi at once, which has the spread
/// between samples in it; here each sample's centre is taken off before (and one degree of freedom with it). Deviations
/// are at least 1e-6.
///
/// Where a model is queried several times for a sample (augmentations), the published score is the mean over queries of
/// these scores.
///
/// `table` and `target` (`[samples]`) hold phi of the same samples, in their order. Throws DataError for tables that
/// `check_shadows` refuses, a target of another length, and a sample without a shadow that is needed: OUT always, IN
/// online; two of each for a variance of its own.
std::vector<double> lira(const ShadowTable& table, const std::vector<double>& target, const LiraOptions& options = {});

}  // namespace archleak::attacks
