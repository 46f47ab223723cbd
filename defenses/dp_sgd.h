#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "defenses/options.h"
#include "defenses/privacy_ledger.h"

namespace archleak::defenses {

/// One release of a sum of gradients: each example's is clipped to the L2 norm `clip`, and the sum gets Gaussian noise
/// of standard deviation `noise_multiplier` * `clip`.
struct GaussianMechanism {
  double clip = 1;
  double noise_multiplier = 1;
};

/// How one client uses a mechanism in a round: `steps` times, each example drawn with probability `sampling_rate`.
struct LocalSteps {
  double sampling_rate = 1;
  int64_t steps = 0;
};

/// What one client does in the rounds that it takes part in.
struct ClientSchedule {
  LocalSteps weights, alpha;  ///< in a round, and in a turn; no steps: nothing of it leaves the client
  int64_t rounds = 0;         ///< of the whole run, of this client
  int64_t alpha_turns = 0;    ///< in them
};

/// What DP-SGD promises in a run: (epsilon, delta)-differential privacy of each single training example, against
/// whoever reads everything that is on the wire. Two runs are neighbours if one example of one client is there or not;
/// how many examples a client has, and which half an example is in, is taken as known.
///
/// A client's messages are functions of its noisy sums, so its epsilon is that of all its steps together: the sampled
/// Gaussian mechanism, composed over local steps and rounds. An example is either in the train half, which the weights'
/// steps read, or in the validation half, which alpha's read: to each half the other's sums are public, so that the two
/// mechanisms compose in parallel and the larger epsilon counts (McSherry, "Privacy Integrated Queries", 2009). Where a
/// search has no alpha but asks how many validation examples sub-networks classify right (ENAS, SMASH), alpha's
/// mechanism is on these counts: one example moves each of k counts by at most 1, so that the clip is sqrt(k).
///
/// Clients' examples are disjoint, too: the run's epsilon is that of the client with the largest. The choice of clients
/// for a round hides nothing, since messages name their client.
struct DpSgdPlan {
  GaussianMechanism weights, alpha;
  double delta = 1e-5;
  /// By round, how often clients take their steps on alpha: 0 in a warm-up, else 1; of counts, how often they are
  /// asked. Rounds past the end have one turn.
  std::vector<int64_t> alpha_turns;
  std::vector<ClientSchedule> clients;
};

/// The plan of a run with these clients; with a target, both noise multipliers are the least, within the accountant's
/// tolerance, with which no client spends more in the whole run. Throws ConfigError for a target that cannot be met.
DpSgdPlan plan_dp_sgd(const DpSgdOptions& options, std::vector<ClientSchedule> clients,
                      std::vector<int64_t> alpha_turns);

/// Keeps account of a run under DP-SGD: epsilon of the client that has spent most.
class ExampleLedger : public PrivacyLedger {
 public:
  explicit ExampleLedger(DpSgdPlan plan);

  /// Every selected client counts, also one whose update was lost on its way. Throws Error for a client that the plan
  /// does not know.
  void count_round(int64_t round, std::span<const int64_t> selected, int64_t counted) override;
  PrivacySpent spent() const override;
  std::string save() const override;
  void load(std::string_view bytes) override;

 private:
  struct Rounds {
    int64_t all = 0;
    int64_t alpha_turns = 0;
  };
  DpSgdPlan plan_;
  std::map<int64_t, Rounds> rounds_;                                           // by client
  mutable std::map<std::pair<double, double>, std::vector<double>> step_rdp_;  // by rate and noise multiplier
};

}  // namespace archleak::defenses
