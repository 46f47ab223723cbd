#pragma once
#include <map>
#include <string>
#include <vector>

#include "sim/experiments/amia_parts.h"
#include "sim/experiments/amia_question.h"
#include "sim/experiments/amia_trial.h"

namespace archleak::sim {

/// What the first shadow is asked and answers: networks and thresholds are fitted on it.
struct FirstShadow {
  AmiaQuestion question;
  std::vector<uint8_t> kept;  ///< [examples asked], 0: of the weights' part, where the target's members are not like it
  attacks::Signals signals;   ///< about those that are kept
};
FirstShadow ask_first_shadow(const AmiaTrial& trial, const AmiaParts& parts);

/// What the target answers, without a word of who is a member.
struct TargetAnswers {
  const data::Dataset& examples;  ///< that it is asked about
  attacks::Signals signals;       ///< about these
  attacks::Signals population;    ///< about AmiaParts::population
};

/// Offline LiRA and RMIA ("lira", "rmia") by all shadows, at least three: none has seen any of the target's examples.
/// Scores `[examples]`, less the threshold that is best for attacking the first shadow by the others, on those of its
/// examples that at least two others are without: at least 0 says "member". Throws DataError where too few are.
std::map<std::string, std::vector<double>> attack_by_shadows(const AmiaTrial& trial, const AmiaParts& parts,
                                                             const FirstShadow& first, const TargetAnswers& target);

}  // namespace archleak::sim
