#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "attacks/membership/evaluator.h"
#include "attacks/membership/network_attack.h"
#include "sim/audit/audit_models.h"

namespace archleak::sim {

/// What one attack says of the target's samples.
struct AttackScores {
  std::string name;            ///< in files: "loss_per_class"
  std::string title;           ///< where people read it
  std::vector<double> scores;  ///< [samples]
  double threshold = 0;        ///< found on shadow models: the honest one
};

/// The name of the attack that has epochs.
inline constexpr const char* kNetworkAttack = "network";

/// All attacks on the target, models[0], by its shadows. Thresholds and networks are fitted on the first shadow, which
/// is trained on half of the same samples, drawn independently of the target's; the thresholds of LiRA and RMIA are the
/// best for attacking that shadow by the others. The target's member flags are not read. The network's scores after
/// each epoch go to `after_epoch`, if it is there. Throws DataError as the attacks do.
std::vector<AttackScores> run_attacks(const std::vector<ModelSignals>& models, const AuditOptions& options,
                                      uint64_t seed, const attacks::AfterEpoch& after_epoch = {});

/// An attack with its metrics, at the honest threshold; the oracle's stand among them.
struct AuditedAttack {
  AttackScores attack;
  attacks::Evaluation evaluation;
  std::vector<attacks::Slice> slices;  ///< by class (up to 1000 classes), by whether the target is right, and of a
                                       ///< search by the members' part
};

/// Evaluates what attacks say of `target`, which has the truth; `parts` as in ModelSignals.
std::vector<AuditedAttack> evaluate_attacks(std::vector<AttackScores> scores, const attacks::Signals& target,
                                            const std::vector<std::string>& parts, const AuditOptions& options,
                                            uint64_t seed);

/// What an attack says of `target`'s samples, with their classes and whether the target is right about them; `parts`
/// and `ids` may be empty.
attacks::ScoreTable score_table(const AttackScores& attack, const attacks::Signals& target,
                                const std::vector<std::string>& parts, const std::vector<int64_t>& ids = {});

}  // namespace archleak::sim
