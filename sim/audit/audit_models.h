#pragma once
#include <atomic>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "attacks/membership/signals.h"
#include "data/dataset.h"
#include "sim/audit/audit_config.h"
#include "sim/audit/audit_split.h"

namespace archleak::sim {

/// What one model answers.
struct ModelSignals {
  attacks::Signals samples;             ///< with the model's own member flags
  attacks::Signals population;          ///< nobody is a member
  std::vector<std::string> parts = {};  ///< [samples] of a search: "weights" or "architecture", by what its clients fit
                                        ///< on a member; "" for non-members; empty for a train run
  std::optional<double> epsilon = {};  ///< what DP-SGD promises for each of its training examples (a student's: for its
                                       ///< teacher's); nothing without
};

/// How models are made: each is a federated simulation of the run on its training set (sim/simulation.h), or with
/// `audit.distil` a second one on the reference set, from the first one's answers (client/distil.h). It is kept in the
/// cache under the hash of its configuration and of the examples themselves. A model in the cache is not trained again,
/// one that was begun is continued, and so it is with its answers.
struct ModelMaking {
  std::filesystem::path cache;
  int jobs = 1;  ///< models side by side
};

/// The answers of all models, the target's first; nothing when `stop` was set before the last. Shows progress. The same
/// bits for any number of jobs. Throws what a simulation throws.
std::optional<std::vector<ModelSignals>> make_models(const AuditConfig& config, const data::Dataset& train,
                                                     const AuditSplit& split, const ModelMaking& making,
                                                     const std::atomic<bool>& stop);

}  // namespace archleak::sim
