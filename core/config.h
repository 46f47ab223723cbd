#pragma once
#include <cstdint>
#include <filesystem>
#include <limits>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace archleak {

/// What a number may be, both ends included.
struct Range {
  double min = std::numeric_limits<double>::lowest();
  double max = std::numeric_limits<double>::max();
};

/// One key of a configuration, as it was described by the code that reads it.
struct ConfigKey {
  std::string path;         ///< "search.rounds"
  std::string type;         ///< "integer", "number", "boolean", "text", "list", or the choices: "sgd | adam"
  std::string value;        ///< the value in effect, as TOML
  std::string description;  ///< one line
};

class ConfigSection;

/// A TOML document that is read by describing it: each options struct has one function
///
///     void describe(ConfigSection section, SearchOptions& options);
///
/// which names every key once, with its range and its one-line description, and leaves defaults in place where the
/// document is silent. From these calls come the values, the errors, the resolved document and the list of keys.
class Config {
 public:
  /// Reads `file`, then applies `overrides` of the form "section.key=value" (a TOML value, or bare text).
  /// Throws ConfigError with file and line for bad TOML, or when the file cannot be read.
  static Config load(const std::filesystem::path& file, const std::vector<std::string>& overrides = {});

  /// The same for a document in memory; `name` stands for the file in messages.
  static Config parse(std::string_view text, const std::string& name, const std::vector<std::string>& overrides = {});

  Config(Config&&) noexcept;
  Config& operator=(Config&&) noexcept;
  ~Config();

  /// The whole document as a section.
  ConfigSection root();

  /// The section at `path` ("search" or "search.server"); it may be absent from the document.
  ConfigSection section(const std::string& path);

  /// Throws ConfigError for the first key in the document that nothing has described, naming the nearest known key.
  void reject_unknown() const;

  /// The document with every described key at the value in effect, but for added ones at their defaults; reading it
  /// again gives the same options.
  std::string resolved() const;

  /// All keys described so far, in the order of their description.
  const std::vector<ConfigKey>& keys() const;

 private:
  friend class ConfigSection;
  struct State;
  explicit Config(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

/// Reads one section of a Config. Each call reads one key into `value`, which holds the default and keeps it when the
/// document does not name the key. Throws ConfigError (file, line, expected, got) for a wrong type or range.
class ConfigSection {
 public:
  void read(const char* key, bool& value, const char* description);
  void read(const char* key, int64_t& value, Range range, const char* description);
  void read(const char* key, int& value, Range range, const char* description);
  void read(const char* key, uint64_t& value, const char* description);
  void read(const char* key, double& value, Range range, const char* description);
  void read(const char* key, std::string& value, const char* description);
  void read(const char* key, std::vector<int64_t>& value, Range range, const char* description);
  void read(const char* key, std::vector<double>& value, Range range, const char* description);
  void read(const char* key, std::vector<std::string>& value, const char* description);

  /// Reads a key that was added later: `resolved` leaves it out at its default, so that documents from before stay the
  /// same to the letter, and with them what is known by their hash.
  void read_added(const char* key, int64_t& value, Range range, const char* description);

  /// Reads one of the named `choices` of an enumeration.
  template <typename Enum>
  void read(const char* key, Enum& value, const std::vector<std::pair<const char*, Enum>>& choices,
            const char* description) {
    std::vector<std::string> names;
    size_t chosen = 0;
    for (size_t i = 0; i < choices.size(); ++i) {
      names.emplace_back(choices[i].first);
      if (choices[i].second == value) chosen = i;
    }
    value = choices[read_choice(key, chosen, names, description)].second;
  }

  /// Reads one of the named `choices`, as text.
  void read(const char* key, std::string& value, const std::vector<std::string>& choices, const char* description);

  /// A section within this one.
  ConfigSection section(const std::string& name) const;

  /// Whether the document has `key` in this section.
  bool has(const std::string& key) const;

  /// Throws ConfigError at `key`: "file:line: section.key: " + message. For checks that span several keys.
  [[noreturn]] void fail(const std::string& key, const std::string& message) const;

 private:
  friend class Config;
  ConfigSection(Config::State& state, std::string path);
  size_t read_choice(const char* key, size_t chosen, const std::vector<std::string>& names, const char* description);
  Config::State* state_;
  std::string path_;
};

}  // namespace archleak
