#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace archleak::sim {

/// What is measured once a round: one row of metrics.csv. What was not measured in a round is absent (an empty field).
struct RoundMetrics {
  std::string time;                     ///< end of the round, ISO 8601 in UTC; filled in when the row is appended
  int64_t round = 0;                    ///< as the coordinator numbers them
  std::string phase = "search";         ///< what the round did: "warmup", "search", "retrain"
  std::optional<double> test_accuracy;  ///< share of the test examples, 0 to 1
  std::optional<double> test_loss;      ///< mean cross entropy in nats
  std::optional<double> train_loss;     ///< mean cross entropy in nats over what the round's clients saw
  std::optional<double> alpha_entropy;  ///< mean entropy of an edge's operation mixture in nats; log 8 is undecided
  double broadcast_s = 0;               ///< seconds by phase; they need not add up to total_s
  double train_s = 0;
  double aggregate_s = 0;
  double evaluate_s = 0;
  double total_s = 0;
  int64_t bytes_up = 0;           ///< from workers to the coordinator
  int64_t bytes_down = 0;         ///< from the coordinator to workers
  int64_t clients = 0;            ///< whose updates are in the new model
  int64_t lost = 0;               ///< workers given up
  int64_t reassigned = 0;         ///< clients given to another worker
  std::optional<double> epsilon;  ///< privacy spent so far, where something is accounted
  std::string model_hash;         ///< SHA-256 of the global model after the round

  bool operator==(const RoundMetrics&) const = default;
};

/// The first line of metrics.csv: the columns' names.
std::string metrics_header();

/// The row of metrics.csv, without the end of line. Numbers are written so that they read back to the same bits.
std::string to_csv(const RoundMetrics& metrics);

/// Reads what `to_csv` writes. Throws DataError, beginning with `where` and naming the column.
RoundMetrics metrics_from_csv(std::string_view row, const std::string& where);

}  // namespace archleak::sim
