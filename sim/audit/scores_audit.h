#pragma once
#include <filesystem>
#include <string>
#include <vector>

#include "attacks/membership/evaluator.h"

namespace archleak::sim {

/// A scores file and its metrics.
struct ScoresAudit {
  std::string file;
  std::string sha256;  ///< of its bytes, in hexadecimal
  attacks::EvaluationOptions options;
  attacks::RocCurve curve;             ///< of the whole table
  std::vector<attacks::Slice> slices;  ///< the whole table first
  std::vector<std::string> remarks;    ///< what a reader of the figures must know, a sentence each

  const attacks::Evaluation& whole() const { return *slices.front().evaluation; }
};

/// Reads and evaluates a scores file. Throws DataError for one that cannot be used, ConfigError for options that
/// cannot.
ScoresAudit audit_scores(const std::filesystem::path& file, const attacks::EvaluationOptions& options);

/// What a metric is called where people read it, by its name in files; "TPR at 1 % FPR".
std::string metric_title(const std::string& name);

/// The metrics to show: with a given threshold all of them, else without those that the oracle's repeat.
std::vector<attacks::MetricField> shown_metrics(const attacks::Evaluation& evaluation);

}  // namespace archleak::sim
