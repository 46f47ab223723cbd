#pragma once
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <string>

namespace archleak {

/// Shows how far a long job is, its rate and the time left: a bar that redraws in place on a terminal, plain lines at
/// most every ten seconds elsewhere. Not thread-safe.
class Progress {
 public:
  /// `label` names the job, `unit` what is counted ("rounds"); `total` is at least `done`. `done` counts what an
  /// earlier, interrupted run did; it does not enter the rate.
  Progress(std::string label, std::string unit, int64_t total, int64_t done = 0, std::FILE* stream = stderr);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  /// Counts `steps` more as done and shows it; `note` stands at the end of the line ("accuracy 0.91").
  void advance(int64_t steps = 1, const std::string& note = {});

  /// Ends the display with a last line. Called by the destructor if it was not before.
  void finish();

  /// The line that would be shown `elapsed_s` seconds after the start; what `advance` prints.
  std::string line(double elapsed_s) const;

 private:
  void show(bool last);

  std::string label_;
  std::string unit_;
  std::string note_;
  int64_t total_;
  int64_t done_;
  int64_t first_;
  std::FILE* stream_;
  bool terminal_;
  bool finished_ = false;
  std::chrono::steady_clock::time_point start_;
  std::chrono::steady_clock::time_point shown_;
};

/// "1 h 02 min", "3 min 20 s" or "12 s"; "?" for a negative or unknown duration.
std::string format_duration(double seconds);

}  // namespace archleak
