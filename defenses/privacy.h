#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "defenses/options.h"
#include "defenses/privacy_ledger.h"
#include "defenses/rdp_accountant.h"

namespace archleak::defenses {

/// How clients take part in a run.
struct Participation {
  int64_t clients = 1;
  int64_t cohort = 1;    ///< clients in a round
  bool sampled = false;  ///< the cohort is drawn at random and who is in it is not known
  int64_t rounds = 1;
  int64_t most_rounds = 1;  ///< rounds in which the client that is selected most often takes part
};

/// What clip_noise promises in a run: (epsilon, delta)-differential privacy of one client's taking part in the whole
/// run. Two runs are neighbours if they differ in whether one client's clipped updates are what they are or zero; so
/// the L2 sensitivity of a message, and of the sum over a round's clients, is the clip C. (For replacing one client's
/// data by any other, the sensitivity is 2 C: halve the noise multiplier.)
///
///   guard messages  each client adds N(0, (z C)^2) to its update, z the noise multiplier. A message names its client,
///                   so there is no amplification by sampling: epsilon is that of the Gaussian mechanism over as many
///                   rounds as the client that took part most often did.
///   guard model     each of a cohort of n adds N(0, (z C)^2 / n), so that their sum has noise z C. A round in which
///   only
///                   m updates count has the multiplier z sqrt(m / n). A randomly drawn cohort is accounted for as
///                   Poisson sampling at the rate cohort / clients, as is usual; the draw itself is of a fixed number
///                   without replacement, for which the bound is an approximation. A fixed cohort has rate 1.
///
/// Covered are the updates' weights and alpha, and all that follows from them; not the figures that simulated clients
/// report beside them. Noise is drawn in double precision and rounded to float, from the run's seed.
struct PrivacyPlan {
  Guard guard = Guard::messages;
  double clip = 1;
  double noise_multiplier = 1;
  double delta = 1e-5;
  double sampling_rate = 1;
  int64_t cohort = 1;

  /// Standard deviation of the noise that each client adds.
  double client_std() const;
};

/// The plan of a run, calibrated if there is a target; nothing without clip_noise. Throws ConfigError for a target that
/// cannot be met.
std::optional<PrivacyPlan> plan_privacy(const DefenseOptions& options, const Participation& participation);

/// Keeps account of clip_noise.
class ParticipationLedger : public PrivacyLedger {
 public:
  explicit ParticipationLedger(const PrivacyPlan& plan) : plan_(plan) {}

  void count_round(int64_t round, std::span<const int64_t> selected, int64_t counted) override;
  PrivacySpent spent() const override;
  std::string save() const override;
  void load(std::string_view bytes) override;

  const PrivacyPlan& plan() const { return plan_; }

 private:
  PrivacyPlan plan_;
  RdpAccountant rounds_;                // guard model
  std::map<int64_t, int64_t> sent_in_;  // guard messages: rounds by client
};

}  // namespace archleak::defenses
