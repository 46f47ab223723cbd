#pragma once
#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/protocol.h"
#include "defenses/secure_aggregation.h"
#include "server/phase.h"

namespace archleak::server {

/// What a round of secure aggregation is about.
struct SecureRoundOptions {
  uint64_t seed = 0;     ///< of the run: the simulated clients' public keys are made from it
  uint64_t session = 0;  ///< a number of this start of the coordinator, so that no round has the same keys twice
  ProtocolOptions protocol;
  int64_t update_size = 0;
  ScheduleOptions schedule;
};

/// The coordinator's side of one round of secure aggregation (defenses/secure_aggregation.h): the clients share their
/// secrets, then train and send masked updates, of which only the sum is kept, then reveal what takes the masks off.
///
/// The public keys come from the coordinator, in the place of a public key infrastructure. A client that fails or is
/// late while it trains is left out, as it is without secure aggregation, and its masks are recovered from the others.
class SecureRound {
 public:
  SecureRound(const SecureRoundOptions& options, int64_t round, std::span<const int64_t> clients);

  /// Lets the clients share their secrets; `training` gives the round, its model and whom to tell of events. False:
  /// `stop` became true. Throws Error when fewer than the threshold do.
  bool share_keys(WorkerPool& pool, const Phase& training, const std::atomic<bool>& stop);

  /// The clients that may train: those that shared. Ascending.
  const std::vector<int64_t>& members() const { return members_; }

  /// The instruction of a member's training task, in which `training` is the workload's own.
  std::string masking_instruction(std::string training) const;

  /// Adds a member's masked update. The reason if it is refused.
  std::optional<std::string> add(const wire::Outcome& outcome);

  /// Lets the survivors reveal and takes the masks off. False: `stop` became true. Throws Error when fewer clients than
  /// the threshold survived or reveal.
  bool unmask(WorkerPool& pool, const Phase& training, const std::atomic<bool>& stop);

  /// After the unmasking: the fixed-point sum over the survivors, its total weight, and their number.
  std::span<const int64_t> sum() const { return sum_; }
  int64_t weight() const { return weight_; }
  int64_t updates() const { return static_cast<int64_t>(survivors_.size()); }

  /// What workers did in both phases around the training.
  const ScheduleCounts& counts() const { return counts_; }

 private:
  using Take = std::function<void(const wire::Outcome&)>;
  bool run(WorkerPool& pool, const Phase& training, wire::TaskKind kind, std::span<const int64_t> clients,
           const std::function<std::string(int64_t)>& instruct, const Take& take, const std::atomic<bool>& stop);
  std::string revealing_instruction(int64_t client) const;
  void expect_enough(size_t clients, const char* what) const;

  SecureRoundOptions options_;
  defenses::SecureRoster roster_;
  std::vector<int64_t> members_;
  std::vector<int64_t> survivors_;
  std::map<int64_t, std::vector<std::string>> sealed_;  // by who sealed them
  std::vector<int64_t> sum_;                            // modulo 2^64
  int64_t weight_ = 0;
  ScheduleCounts counts_;
};

}  // namespace archleak::server
