#pragma once
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace archleak {

/// What a result is the result of. Two results with equal keys are the same result.
struct ResultKey {
  std::string experiment;
  int64_t version = 1;   ///< of the experiment: another one gives other results
  std::string settings;  ///< resolved: every key at the value in effect
  uint64_t seed = 0;

  /// SHA-256 over all of it, in hexadecimal: what the file knows it by.
  std::string hash() const;
};

/// One result: what a trial returned, or why it returned nothing.
struct ResultRow {
  ResultKey key;
  std::map<std::string, double> figures;         ///< NaN: not measured in this trial
  std::map<std::string, std::string> artefacts;  ///< bytes by name
  double seconds = 0;                            ///< that the trial took
  std::string time;                              ///< when it was measured, "2024-03-01T12:00:00Z"
  std::string failure;                           ///< message of the error that ended the trial; empty: it did not fail
};

/// Results in one SQLite file. A row is on the disk when `put` returns, and whoever dies after that loses nothing.
/// Several processes on one machine may write to one file at once (write-ahead log). An object serves one thread.
///
/// Throws DataError for a file that is not SQLite, is damaged, or belongs to another program; CheckpointError for one
/// of a newer version; Error where the disk refuses. Every message names the file and what to do.
class ResultsStore {
 public:
  enum class Open { create, existing };

  /// Opens `file`, which `Open::create` makes if it is not there.
  explicit ResultsStore(const std::filesystem::path& file, Open mode = Open::create);
  ~ResultsStore();
  ResultsStore(ResultsStore&&) noexcept;
  ResultsStore& operator=(ResultsStore&&) noexcept;

  /// Puts a row with its figures and artefacts, whole or not at all; `time` is now, unless the row has one. It replaces
  /// a failed row of the same key; one that did not fail stays, and the result is false.
  bool put(const ResultRow& row);

  /// The row of a key by its hash, without artefacts.
  std::optional<ResultRow> find(const std::string& hash) const;

  /// All rows without artefacts, in the order in which they were first put.
  std::vector<ResultRow> rows() const;

  /// An artefact of a row; nothing if there is none of that name.
  std::optional<std::string> artefact(const std::string& hash, const std::string& name) const;

  /// All artefacts of a row by name.
  std::map<std::string, std::string> artefacts(const std::string& hash) const;

  /// A text about the file as a whole ("request"), kept under a name.
  void remember(const std::string& name, const std::string& text);
  std::optional<std::string> recall(const std::string& name) const;

  const std::filesystem::path& file() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace archleak
