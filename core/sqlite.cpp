#include "core/sqlite.h"

#include <spdlog/fmt/fmt.h>
#include <sqlite3.h>

#include <chrono>
#include <cmath>
#include <limits>
#include <thread>
#include <utility>

#include "core/error.h"

namespace archleak {
namespace {

constexpr std::chrono::milliseconds kBusyTimeout{60000};  // another process writes for milliseconds

}  // namespace

Database::Database(const std::filesystem::path& file, bool create) : file_(file) {
  std::error_code ignored;
  if (!create && !std::filesystem::is_regular_file(file, ignored)) {
    throw DataError(file.string() + ": expected a file of results, got none");
  }
  const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | (create ? SQLITE_OPEN_CREATE : 0);
  if (sqlite3_open_v2(file.c_str(), &handle_, flags, nullptr) != SQLITE_OK) {
    const std::string reason = handle_ ? sqlite3_errmsg(handle_) : "out of memory";
    sqlite3_close(std::exchange(handle_, nullptr));
    throw Error(fmt::format("{}: cannot open: {}", file.string(), reason));
  }
  sqlite3_busy_timeout(handle_, kBusyTimeout.count());
}

Database::~Database() {
  sqlite3_close(handle_);
}

Database::Database(Database&& other) noexcept
    : file_(std::move(other.file_)), handle_(std::exchange(other.handle_, nullptr)) {}

Database& Database::operator=(Database&& other) noexcept {
  std::swap(file_, other.file_);
  std::swap(handle_, other.handle_);
  return *this;
}

void Database::fail(const std::string& step) const {
  const int code = sqlite3_errcode(handle_);
  const std::string reason = sqlite3_errmsg(handle_);
  if (code == SQLITE_NOTADB || code == SQLITE_CORRUPT) {
    throw DataError(
        fmt::format("{}: expected a file of results, got a damaged or foreign one ({}); move it away to begin anew, or "
                    "put a copy in its place",
                    file_.string(), reason));
  }
  throw Error(fmt::format("{}: cannot {}: {}; what was put before is kept", file_.string(), step, reason));
}

void Database::run(const char* sql, const char* step) const {
  if (sqlite3_exec(handle_, sql, nullptr, nullptr, nullptr) != SQLITE_OK) fail(step);
}

void Database::write_ahead() const {
  // The change turns a read lock into a write lock, for which SQLite does not wait: it tells both that ask at once that
  // the file is busy, whatever the timeout (sqlite.org/c3ref/busy_handler.html).
  const auto deadline = std::chrono::steady_clock::now() + kBusyTimeout;
  while (sqlite3_exec(handle_, "PRAGMA journal_mode = WAL", nullptr, nullptr, nullptr) != SQLITE_OK) {
    if (sqlite3_errcode(handle_) != SQLITE_BUSY || std::chrono::steady_clock::now() > deadline) fail("open");
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
}

int64_t Database::integer(const char* sql) const {
  Statement statement(*this, sql, "read");
  return statement.next() ? statement.integer(0) : 0;
}

Statement::Statement(const Database& database, const char* sql, const char* step) : database_(&database), step_(step) {
  check(sqlite3_prepare_v2(database.handle_, sql, -1, &handle_, nullptr));
}

Statement::~Statement() {
  sqlite3_finalize(handle_);
}

Statement& Statement::check(int code) {
  if (code != SQLITE_OK) database_->fail(step_);
  return *this;
}

Statement& Statement::bind(const std::string& text) {
  return check(sqlite3_bind_text64(handle_, ++bound_, text.data(), text.size(), SQLITE_TRANSIENT, SQLITE_UTF8));
}

Statement& Statement::bind(int64_t value) {
  return check(sqlite3_bind_int64(handle_, ++bound_, value));
}

Statement& Statement::bind(double value) {
  ++bound_;
  return check(std::isnan(value) ? sqlite3_bind_null(handle_, bound_) : sqlite3_bind_double(handle_, bound_, value));
}

Statement& Statement::bind_bytes(const std::string& bytes) {
  return check(sqlite3_bind_blob64(handle_, ++bound_, bytes.data(), bytes.size(), SQLITE_TRANSIENT));
}

bool Statement::next() {
  const int code = sqlite3_step(handle_);
  if (code != SQLITE_ROW && code != SQLITE_DONE) database_->fail(step_);
  return code == SQLITE_ROW;
}

int64_t Statement::integer(int column) const {
  return sqlite3_column_int64(handle_, column);
}

double Statement::number(int column) const {
  return sqlite3_column_type(handle_, column) == SQLITE_NULL ? std::numeric_limits<double>::quiet_NaN()
                                                             : sqlite3_column_double(handle_, column);
}

std::string Statement::text(int column) const {
  const void* bytes = sqlite3_column_blob(handle_, column);
  const auto size = static_cast<size_t>(sqlite3_column_bytes(handle_, column));
  return bytes ? std::string(static_cast<const char*>(bytes), size) : std::string();
}

Transaction::Transaction(const Database& database) : database_(&database) {
  database.run("BEGIN IMMEDIATE", "take the write lock");
}

Transaction::~Transaction() {
  if (!open_) return;
  try {
    database_->run("ROLLBACK", "undo a write");
  } catch (const Error&) {
    // SQLite undoes by itself what cannot be undone here: when the file is next opened.
  }
}

void Transaction::commit() {
  database_->run("COMMIT", "finish a write");
  open_ = false;
}

}  // namespace archleak
