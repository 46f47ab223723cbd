#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "defenses/rdp_accountant.h"

namespace archleak::defenses {

/// Keeps account of the privacy that a run spends, round by round. What is protected, and against whom, is the derived
/// class's: ParticipationLedger (privacy.h) or ExampleLedger (dp_sgd.h). Epsilon never falls from round to round.
class PrivacyLedger {
 public:
  virtual ~PrivacyLedger() = default;

  /// Counts a round, from 0: `selected` clients may have sent an update, `counted` of them are in the model.
  virtual void count_round(int64_t round, std::span<const int64_t> selected, int64_t counted) = 0;

  /// What the run has spent so far at the plan's delta.
  virtual PrivacySpent spent() const = 0;

  /// As bytes, for checkpoints. `load` throws CheckpointError, leaving the account as it was.
  virtual std::string save() const = 0;
  virtual void load(std::string_view bytes) = 0;
};

}  // namespace archleak::defenses
