#pragma once
#include <toml++/toml.h>

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace archleak::sim {

/// A TOML table that is read key by key. Where `core/config.h` reads options with defaults, this reads documents: lists
/// of tables and keys that the document itself names. Every error is a ConfigError: "file:line: key: expected ..., got
/// ...". The toml::table outlives it.
class TomlSection {
 public:
  /// `path` is what messages call the table; empty: the document itself.
  TomlSection(const toml::table& table, std::string file, std::string path = {});

  bool has(const std::string& key) const { return table_->contains(key); }

  std::string text(const std::string& key) const;                               ///< must be there
  std::string text(const std::string& key, const std::string& fallback) const;  ///< may be absent
  std::string choice(const std::string& key, const std::vector<std::string>& names,
                     const std::string& fallback = {}) const;    ///< without fallback: must be there
  std::vector<std::string> texts(const std::string& key) const;  ///< absent: none
  double number(const std::string& key) const;                   ///< finite; must be there
  double number(const std::string& key, double fallback) const;  ///< finite
  std::vector<double> numbers(const std::string& key) const;     ///< finite, at least one; must be there
  int64_t integer(const std::string& key, int64_t fallback, int64_t least, int64_t most) const;

  /// A table of bare values by key, as text: { P = 32, activation = "elu" }; absent: none.
  std::map<std::string, std::string> labels(const std::string& key) const;

  /// A table within this one; absent: nothing.
  std::optional<TomlSection> section(const std::string& key) const;

  /// The tables of [[key]]; absent: none.
  std::vector<TomlSection> sections(const std::string& key) const;

  /// The node of a key that must be there.
  const toml::node& node(const std::string& key) const;

  /// The keys of the document in the order of their lines.
  std::vector<std::string> keys() const;

  /// Throws for the first key that nothing has asked for, naming the nearest that was.
  void reject_unknown() const;

  [[noreturn]] void fail(const std::string& key, const std::string& message) const;

  /// "file:line" of a key of this table, or of the table itself where the key is absent.
  std::string where(const std::string& key) const;

  const std::string& file() const { return file_; }

 private:
  const toml::node* find(const std::string& key) const;
  const toml::table* table_;
  std::string file_;
  std::string path_;
  mutable std::set<std::string> asked_;
};

/// A text without its quotes, anything else as TOML.
std::string plain_text(const toml::node& node);

/// As TOML, on one line.
std::string toml_text(const toml::node& node);

}  // namespace archleak::sim
