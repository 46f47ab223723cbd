#pragma once
#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "sim/line_file.h"
#include "sim/round_metrics.h"
#include "sim/run_facts.h"

namespace archleak::sim {

/// One line of events.jsonl.
struct Event {
  std::string time;               ///< ISO 8601 in UTC
  std::string kind;               ///< "start", "worker_lost", ...
  nlohmann::ordered_json fields;  ///< an object: the rest of the line
};

/// How many examples of each class each client holds: clients.csv.
struct ClientClasses {
  std::vector<std::string> class_names;      ///< [classes]
  std::vector<std::vector<int64_t>> counts;  ///< [clients][classes]
};

/// A folder with everything that one run leaves behind. docs/run_directory.md describes every file and column.
///
/// One process (the coordinator) writes; others may read at the same time. Tables are plain CSV and JSON lines.
/// Reading throws DataError with file and line for content that is not what this class writes.
class RunDirectory {
 public:
  /// A new run in `path`, with empty tables. Throws ConfigError when the folder holds something: with `overwrite`, an
  /// earlier run is removed first, but nothing that is not a run directory ever is.
  static RunDirectory create(const std::filesystem::path& path, bool overwrite);

  /// An existing run, to be read or continued; changes nothing by itself. Throws DataError if it is none.
  static RunDirectory open(const std::filesystem::path& path);

  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path config() const { return path_ / "config.toml"; }        ///< the resolved configuration
  std::filesystem::path metrics() const { return metrics_.path(); }             ///< metrics.csv
  std::filesystem::path events() const { return events_.path(); }               ///< events.jsonl
  std::filesystem::path checkpoints() const { return path_ / "checkpoints"; }   ///< a folder
  std::filesystem::path partition() const { return path_ / "partition.json"; }  ///< which client has which example
  std::filesystem::path clients() const { return path_ / "clients.csv"; }
  std::filesystem::path genotype() const { return path_ / "genotype.json"; }
  std::filesystem::path genotype_drawing() const { return path_ / "genotype.svg"; }
  std::filesystem::path weights() const { return path_ / "weights.pt"; }
  std::filesystem::path capture() const { return path_ / "capture.alcap"; }  ///< of a run with a tap
  std::filesystem::path attack() const { return path_ / "attack"; }          ///< a folder: sim/attack/attack_results.h
  std::filesystem::path report() const { return path_ / "report.html"; }
  std::filesystem::path log(const std::string& role) const;  ///< "worker 2": worker-2.log

  /// Adds a row; fills in its time if it has none.
  void append_metrics(RoundMetrics metrics);
  /// Adds a line {"time": ..., "kind": kind, ...fields}. `fields` is an object without these two; text that is not
  /// UTF-8 is mended, numbers that are not finite become null.
  void append_event(const std::string& kind, const nlohmann::ordered_json& fields = nlohmann::ordered_json::object());
  /// The event "start", or "resume" when the run was begun before.
  void append_start(const RunFacts& facts);
  /// Returns when all rows and events are on the disk; called before a checkpoint is written.
  void sync();

  std::vector<RoundMetrics> read_metrics() const;
  std::vector<Event> read_events() const;
  /// What the last "start" or "resume" says; nothing if the run has not come that far.
  std::optional<RunFacts> read_facts() const;

  /// Drops the rows of rounds after `round`: a run that continues from its checkpoint will write them again. Events
  /// stay, since they did happen.
  void truncate_metrics(int64_t round);

  void write_clients(const ClientClasses& clients);
  /// Throws DataError; nothing if the file is absent.
  std::optional<ClientClasses> read_clients() const;

 private:
  explicit RunDirectory(std::filesystem::path path);

  std::filesystem::path path_;
  LineFile metrics_;
  LineFile events_;
};

/// The time now, ISO 8601 in UTC with milliseconds: "2025-01-31T09:05:00.123Z".
std::string utc_now();

}  // namespace archleak::sim
