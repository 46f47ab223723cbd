#pragma once
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "core/results_store.h"

namespace archleak::sim {

/// The file with a row for each trial, in a table's folder.
inline constexpr const char* kTrialsFile = "trials.csv";

/// Columns of trials.csv between the axes and the figures. `key` is the trial's `ResultKey::hash`.
inline const std::vector<std::string> kTrialColumns = {"trial", "seed",          "key", "state",
                                                       "error", "trial_seconds", "time"};

/// Trials that did not fail, by the hash of their key; of the key itself a file has nothing more, and of artefacts
/// nothing.
using TrialsByHash = std::map<std::string, ResultRow>;

/// Reads a trials.csv. Throws DataError, naming file and line, for a file that is missing, larger than 1 GiB or without
/// the columns, for a row of another length, and for what is no number where one should stand.
TrialsByHash read_trials(const std::filesystem::path& file);

}  // namespace archleak::sim
