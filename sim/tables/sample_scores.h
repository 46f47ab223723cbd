#pragma once
#include <filesystem>
#include <optional>
#include <string>

#include "core/results_store.h"
#include "sim/tables/experiment.h"
#include "sim/tables/table_results.h"

namespace archleak::sim {

inline constexpr const char* kScores = "scores";  ///< the artefact's name, and the folder's

/// Scores as they are stored: a NumPy array, float32 [samples, 2], the score and 1 for a member, else 0. Throws
/// DataError for none, for other flags and for what is not finite.
std::string encode_scores(const SampleScores& scores);

/// The scores of a row; nothing if it has none. Throws DataError for bytes that are no such array.
std::optional<SampleScores> find_scores(const ResultsStore& store, const std::string& hash);

/// The file of a trial, relative to the table's folder: "scores/07_mnist_derived_trial0.csv", with the cell's number
/// and its places on the axes.
std::filesystem::path scores_file(const TableResults& table, const TrialRecord& trial);

/// Writes "score,member" for each trial that left scores: what `archleak audit scores` reads. Throws Error where the
/// disk refuses.
void write_scores(const std::filesystem::path& folder, const TableResults& table, const ResultsStore& store);

}  // namespace archleak::sim
