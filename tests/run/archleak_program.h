#pragma once
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "tests/support/process.h"

namespace archleak::test {

/// Starts the archleak command with `arguments`; its output goes to `output`.
std::unique_ptr<Process> start_archleak(const std::vector<std::string>& arguments, const std::filesystem::path& output);

/// Runs it to its end.
struct Ended {
  int code = 0;
  std::string output;
};
Ended archleak(const std::vector<std::string>& arguments, const std::filesystem::path& folder);

/// Writes the configuration of a search so small that a round takes a fraction of a second, and returns the file.
std::filesystem::path write_tiny_search(const std::filesystem::path& folder, int64_t rounds = 3);

/// The values of `column` in a run's metrics.csv, round by round.
std::vector<std::string> metric(const std::filesystem::path& run, const std::string& column);

/// The last value of `column` in a run's metrics.csv; "" if there is no row.
std::string last_metric(const std::filesystem::path& run, const std::string& column);

/// Rows of a run's metrics.csv.
int64_t finished_rounds(const std::filesystem::path& run);

/// Whether a run's events.jsonl names an event of this kind.
bool has_event(const std::filesystem::path& run, const std::string& kind);

/// The child process of `parent` that runs this role of archleak ("tap"); -1 if there is none.
pid_t child_of(pid_t parent, const std::string& role);

/// Waits until `condition` holds; false if it does not within a minute, which fails a test whatever the machine's
/// speed.
bool eventually(const std::function<bool()>& condition);

}  // namespace archleak::test
