#pragma once
#include <optional>
#include <string>
#include <vector>

#include "sim/run_directory.h"

namespace archleak::sim {

/// What a run directory says about its run, read once: what the report and `archleak search show` have in common.
struct RunSummary {
  std::string name;   ///< from the facts, else the folder's
  std::string state;  ///< "finished", "interrupted", "failed" or "unfinished" (going on, or lost)
  RunFacts facts;     ///< defaults where the run has not come that far
  std::vector<RoundMetrics> rounds;
  std::vector<Event> events;

  std::optional<RoundMetrics> last;       ///< the last round
  std::optional<RoundMetrics> evaluated;  ///< the last round with a test accuracy
  std::optional<RoundMetrics> best;       ///< the first round with the highest test accuracy
  double seconds = 0;                     ///< over all rounds
  double bytes_up = 0;
  double bytes_down = 0;
  int64_t lost = 0;
  int64_t reassigned = 0;

  /// "12 of 20", or "12" where the plan is not known.
  std::string progress() const;
};

/// Throws DataError for files that cannot be read.
RunSummary summarise(const RunDirectory& run);

/// "91.3 %", or "-" where it was not measured.
std::string format_share(const std::optional<double>& share);

}  // namespace archleak::sim
