#pragma once
#include <cstdint>
#include <filesystem>
#include <string>

struct sqlite3;
struct sqlite3_stmt;

namespace archleak {

/// An open SQLite file. Errors are thrown as DataError where the file is damaged or no SQLite file, else as Error; both
/// name the file and what to do.
class Database {
 public:
  /// Opens `file`, which is made if it is not there and `create`.
  Database(const std::filesystem::path& file, bool create);
  ~Database();
  Database(Database&& other) noexcept;
  Database& operator=(Database&& other) noexcept;

  /// Runs statements without parameters; `step` says in messages what for ("write a result").
  void run(const char* sql, const char* step) const;

  /// Has changes written to a log beside the file, so that readers and one writer do not wait for each other.
  void write_ahead() const;

  /// The first column of the first row of a query.
  int64_t integer(const char* sql) const;

  const std::filesystem::path& file() const { return file_; }

 private:
  friend class Statement;
  [[noreturn]] void fail(const std::string& step) const;
  std::filesystem::path file_;
  sqlite3* handle_ = nullptr;
};

/// A prepared statement of a Database, which outlives it. Parameters are bound in their order; a NaN is bound as NULL.
class Statement {
 public:
  Statement(const Database& database, const char* sql, const char* step);
  ~Statement();
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;

  Statement& bind(const std::string& text);
  Statement& bind(int64_t value);
  Statement& bind(double value);
  Statement& bind_bytes(const std::string& bytes);

  /// Goes to the next row; false if there is none.
  bool next();

  int64_t integer(int column) const;
  double number(int column) const;     ///< NaN for NULL
  std::string text(int column) const;  ///< also bytes

 private:
  Statement& check(int code);
  const Database* database_;
  const char* step_;
  sqlite3_stmt* handle_ = nullptr;
  int bound_ = 0;
};

/// Takes the file's write lock at once and holds it until `commit`; without that, all is undone when it goes.
class Transaction {
 public:
  explicit Transaction(const Database& database);
  ~Transaction();
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;
  void commit();

 private:
  const Database* database_;
  bool open_ = true;
};

}  // namespace archleak
