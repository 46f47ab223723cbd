#include "core/results_store.h"

#include <spdlog/fmt/chrono.h>
#include <spdlog/fmt/fmt.h>

#include <ctime>

#include "core/error.h"
#include "core/hash.h"
#include "core/sqlite.h"

namespace archleak {
namespace {

constexpr int64_t kApplication = 0x41524c52;  // "ARLR": whose file this is
constexpr int64_t kVersion = 1;               // of the tables below

constexpr const char* kTables = R"(
CREATE TABLE result (
  id INTEGER PRIMARY KEY, hash TEXT NOT NULL UNIQUE, experiment TEXT NOT NULL, version INTEGER NOT NULL,
  settings TEXT NOT NULL, seed INTEGER NOT NULL, seconds REAL NOT NULL, time TEXT NOT NULL, failure TEXT NOT NULL);
CREATE TABLE figure (
  result INTEGER NOT NULL, name TEXT NOT NULL, value REAL, PRIMARY KEY (result, name)) WITHOUT ROWID;
CREATE TABLE artefact (
  result INTEGER NOT NULL, name TEXT NOT NULL, bytes BLOB NOT NULL, PRIMARY KEY (result, name));
CREATE TABLE note (name TEXT PRIMARY KEY, text TEXT NOT NULL) WITHOUT ROWID;
)";

/// Makes the tables in an empty file, and refuses one that is not of this kind before anything in it changes.
void prepare(const Database& database) {
  const std::string file = database.file().string();
  const auto application = [&] { return database.integer("PRAGMA application_id"); };
  if (database.integer("SELECT count(*) FROM sqlite_master") > 0 && application() != kApplication) {
    throw DataError(file + ": expected a file of results, got an SQLite file of another program; name another folder");
  }
  database.write_ahead();
  database.run("PRAGMA synchronous = FULL", "open");
  Transaction transaction(database);
  if (application() != kApplication) {
    const std::string marks =
        fmt::format("PRAGMA application_id = {}; PRAGMA user_version = {}", kApplication, kVersion);
    database.run((kTables + marks).c_str(), "make its tables");
  }
  transaction.commit();
  const int64_t version = database.integer("PRAGMA user_version");
  if (version != kVersion) {
    throw CheckpointError(fmt::format("{}: expected results of version {}, got {}; use the archleak that wrote them",
                                      file, kVersion, version));
  }
}

/// The next row of a query for id, experiment, version, settings, seed, seconds, time, failure; with its figures.
std::optional<ResultRow> next_row(const Database& database, Statement& query) {
  if (!query.next()) return std::nullopt;
  ResultRow row;
  row.key = {query.text(1), query.integer(2), query.text(3), static_cast<uint64_t>(query.integer(4))};
  row.seconds = query.number(5);
  row.time = query.text(6);
  row.failure = query.text(7);
  Statement figures(database, "SELECT name, value FROM figure WHERE result = ?", "read figures");
  figures.bind(query.integer(0));
  while (figures.next()) row.figures[figures.text(0)] = figures.number(1);
  return row;
}

/// Removes a failed row of this key to make room; false if there is one that did not fail.
bool make_room(const Database& database, const std::string& hash) {
  Statement earlier(database, "SELECT id, failure FROM result WHERE hash = ?", "read a result");
  earlier.bind(hash);
  if (!earlier.next()) return true;
  if (earlier.text(1).empty()) return false;
  for (const char* sql : {"DELETE FROM figure WHERE result = ?", "DELETE FROM artefact WHERE result = ?",
                          "DELETE FROM result WHERE id = ?"}) {
    Statement(database, sql, "replace a failed result").bind(earlier.integer(0)).next();
  }
  return true;
}

}  // namespace

std::string ResultKey::hash() const {
  // Lengths stand before the texts, so that no two keys run together to the same bytes.
  const std::string text =
      fmt::format("{}:{}{};{};{}:{}", experiment.size(), experiment, version, seed, settings.size(), settings);
  return to_hex(sha256(text.data(), text.size()));
}

struct ResultsStore::State {
  Database database;
};

ResultsStore::ResultsStore(const std::filesystem::path& file, Open mode)
    : state_(std::make_unique<State>(State{Database(file, mode == Open::create)})) {
  prepare(state_->database);
}

ResultsStore::~ResultsStore() = default;
ResultsStore::ResultsStore(ResultsStore&&) noexcept = default;
ResultsStore& ResultsStore::operator=(ResultsStore&&) noexcept = default;

bool ResultsStore::put(const ResultRow& row) {
  const Database& database = state_->database;
  const std::string hash = row.key.hash();
  Transaction transaction(database);
  if (!make_room(database, hash)) return false;
  Statement(database,
            "INSERT INTO result (hash, experiment, version, settings, seed, seconds, time, failure) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            "write a result")
      .bind(hash)
      .bind(row.key.experiment)
      .bind(row.key.version)
      .bind(row.key.settings)
      .bind(static_cast<int64_t>(row.key.seed))
      .bind(row.seconds)
      .bind(row.time.empty() ? fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(std::time(nullptr))) : row.time)
      .bind(row.failure)
      .next();
  const int64_t id = database.integer("SELECT last_insert_rowid()");
  for (const auto& [name, value] : row.figures) {
    Statement(database, "INSERT INTO figure VALUES (?, ?, ?)", "write a figure").bind(id).bind(name).bind(value).next();
  }
  for (const auto& [name, bytes] : row.artefacts) {
    Statement(database, "INSERT INTO artefact VALUES (?, ?, ?)", "write an artefact")
        .bind(id)
        .bind(name)
        .bind_bytes(bytes)
        .next();
  }
  transaction.commit();
  return true;
}

std::optional<ResultRow> ResultsStore::find(const std::string& hash) const {
  Statement query(state_->database,
                  "SELECT id, experiment, version, settings, seed, seconds, time, failure FROM result WHERE hash = ?",
                  "read a result");
  return next_row(state_->database, query.bind(hash));
}

std::vector<ResultRow> ResultsStore::rows() const {
  Statement query(state_->database,
                  "SELECT id, experiment, version, settings, seed, seconds, time, failure FROM result ORDER BY id",
                  "read results");
  std::vector<ResultRow> rows;
  while (auto row = next_row(state_->database, query)) rows.push_back(std::move(*row));
  return rows;
}

std::optional<std::string> ResultsStore::artefact(const std::string& hash, const std::string& name) const {
  Statement query(state_->database,
                  "SELECT bytes FROM artefact JOIN result ON artefact.result = result.id WHERE hash = ? AND name = ?",
                  "read an artefact");
  return query.bind(hash).bind(name).next() ? std::optional(query.text(0)) : std::nullopt;
}

std::map<std::string, std::string> ResultsStore::artefacts(const std::string& hash) const {
  Statement query(state_->database,
                  "SELECT name, bytes FROM artefact JOIN result ON artefact.result = result.id WHERE hash = ?",
                  "read artefacts");
  query.bind(hash);
  std::map<std::string, std::string> found;
  while (query.next()) found[query.text(0)] = query.text(1);
  return found;
}

void ResultsStore::remember(const std::string& name, const std::string& text) {
  Statement(state_->database, "INSERT OR REPLACE INTO note VALUES (?, ?)", "write a note").bind(name).bind(text).next();
}

std::optional<std::string> ResultsStore::recall(const std::string& name) const {
  Statement query(state_->database, "SELECT text FROM note WHERE name = ?", "read a note");
  return query.bind(name).next() ? std::optional(query.text(0)) : std::nullopt;
}

const std::filesystem::path& ResultsStore::file() const {
  return state_->database.file();
}

}  // namespace archleak
