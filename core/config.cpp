#include "core/config.h"

#include <spdlog/fmt/fmt.h>
#include <spdlog/fmt/ranges.h>

#include <toml++/toml.h>
#include <algorithm>
#include <optional>
#include <set>
#include <sstream>

#include "core/error.h"
#include "core/file.h"
#include "core/nearest.h"

namespace archleak {

struct Config::State {
  std::string name;
  toml::table document;
  toml::table resolved;
  std::vector<ConfigKey> keys;
  std::set<std::string> sections;    // paths that were opened with section()
  std::set<std::string> overridden;  // paths that came from --set
};

namespace {

constexpr uint64_t kMaxConfigBytes = 1 << 20;

std::string join(const std::string& path, std::string_view key) {
  return path.empty() ? std::string(key) : path + "." + std::string(key);
}

/// The table at the dotted `path`, made if `create`, else null when absent or no table.
toml::table* table_at(toml::table& root, const std::string& path, bool create) {
  toml::table* table = &root;
  std::istringstream parts(path);
  for (std::string part; std::getline(parts, part, '.');) {
    toml::node* next = table->get(part);
    if (!next && create) {
      table->insert(part, toml::table{});
      next = table->get(part);
    }
    if (!next || !next->is_table()) return nullptr;
    table = next->as_table();
  }
  return table;
}

std::string as_toml(const toml::node& node) {
  std::ostringstream text;
  node.visit([&text](const auto& concrete) { text << concrete; });
  return text.str();
}

std::string describe_node(const toml::node& node) {
  return node.is_table() ? "a section" : as_toml(node);
}

void apply_override(toml::table& document, std::set<std::string>& overridden, const std::string& text) {
  const size_t equals = text.find('=');
  if (equals == std::string::npos || equals == 0) {
    throw ConfigError("--set " + text + ": expected section.key=value");
  }
  const std::string path = text.substr(0, equals);
  const std::string value = text.substr(equals + 1);
  const size_t dot = path.rfind('.');
  const std::string section = dot == std::string::npos ? "" : path.substr(0, dot);
  const std::string key = dot == std::string::npos ? path : path.substr(dot + 1);
  toml::table* table = key.empty() ? nullptr : table_at(document, section, true);
  if (!table) throw ConfigError("--set " + text + ": expected section.key=value, got a path through a value");
  toml::table parsed;
  try {
    parsed = toml::parse("value = " + value);
  } catch (const toml::parse_error&) {
    parsed.insert("value", value);  // bare text
  }
  table->insert_or_assign(key, *parsed.get("value"));
  overridden.insert(path);
}

}  // namespace

Config::Config(std::unique_ptr<State> state) : state_(std::move(state)) {}
Config::Config(Config&&) noexcept = default;
Config& Config::operator=(Config&&) noexcept = default;
Config::~Config() = default;

Config Config::load(const std::filesystem::path& file, const std::vector<std::string>& overrides) {
  std::string text;
  try {
    text = read_file(file, kMaxConfigBytes);
  } catch (const DataError& error) {
    throw ConfigError(error.what());
  }
  return parse(text, file.string(), overrides);
}

Config Config::parse(std::string_view text, const std::string& name, const std::vector<std::string>& overrides) {
  auto state = std::make_unique<State>();
  state->name = name;
  try {
    state->document = toml::parse(text, name);
  } catch (const toml::parse_error& error) {
    throw ConfigError(
        fmt::format("{}:{}: expected TOML, got: {}", name, error.source().begin.line, error.description()));
  }
  for (const auto& override_text : overrides) apply_override(state->document, state->overridden, override_text);
  return Config(std::move(state));
}

ConfigSection Config::root() {
  return ConfigSection(*state_, "");
}

ConfigSection Config::section(const std::string& path) {
  return ConfigSection(*state_, path);
}

const std::vector<ConfigKey>& Config::keys() const {
  return state_->keys;
}

void Config::reject_unknown() const {
  std::set<std::string> known = state_->sections;
  std::set<std::string> leaves;
  for (const auto& key : state_->keys) leaves.insert(key.path);
  known.insert(leaves.begin(), leaves.end());
  for (const auto& section : state_->sections) {  // every prefix of a section is a section
    for (size_t dot = section.find('.'); dot != std::string::npos; dot = section.find('.', dot + 1)) {
      known.insert(section.substr(0, dot));
    }
  }
  const auto visit = [&](const auto& self, const toml::table& table, const std::string& path) -> void {
    for (const auto& [key, node] : table) {
      const std::string full = join(path, key.str());
      if (!known.contains(full)) {
        const auto line = node.source().begin.line;  // 0: a section that --set made
        const bool overridden = line == 0 || state_->overridden.contains(full);
        const std::string where = overridden ? "--set " + full : fmt::format("{}:{}: {}", state_->name, line, full);
        throw ConfigError(fmt::format("{}: expected a known key, got an unknown one; the nearest is '{}'", where,
                                      nearest(full, {known.begin(), known.end()})));
      }
      if (node.is_table() && !leaves.contains(full)) self(self, *node.as_table(), full);
    }
  };
  visit(visit, state_->document, "");
}

std::string Config::resolved() const {
  std::ostringstream text;
  text << toml::toml_formatter(state_->resolved) << "\n";
  return text.str();
}

ConfigSection::ConfigSection(Config::State& state, std::string path) : state_(&state), path_(std::move(path)) {
  if (path_.empty()) return;
  state_->sections.insert(path_);
  const size_t dot = path_.rfind('.');
  const toml::table* parent = table_at(state_->document, dot == std::string::npos ? "" : path_.substr(0, dot), false);
  const toml::node* node = parent ? parent->get(dot == std::string::npos ? path_ : path_.substr(dot + 1)) : nullptr;
  if (node && !node->is_table()) {
    throw ConfigError(fmt::format("{}:{}: {}: expected a section, got {}", state_->name, node->source().begin.line,
                                  path_, describe_node(*node)));
  }
}

ConfigSection ConfigSection::section(const std::string& name) const {
  return ConfigSection(*state_, join(path_, name));
}

bool ConfigSection::has(const std::string& key) const {
  const toml::table* table = table_at(state_->document, path_, false);
  return table && table->contains(key);
}

void ConfigSection::fail(const std::string& key, const std::string& message) const {
  const std::string full = join(path_, key);
  const toml::table* table = table_at(state_->document, path_, false);
  const toml::node* node = table ? table->get(key) : nullptr;
  std::string where = state_->name;
  if (state_->overridden.contains(full)) {
    where = "--set";
  } else if (node) {
    where += ":" + std::to_string(node->source().begin.line);
  }
  throw ConfigError(where + ": " + full + ": " + message);
}

namespace {

std::string range_text(Range range) {
  const bool low = range.min > std::numeric_limits<double>::lowest();
  const bool high = range.max < std::numeric_limits<double>::max();
  if (low && high) return fmt::format(" from {} to {}", range.min, range.max);
  if (low) return fmt::format(" of at least {}", range.min);
  if (high) return fmt::format(" of at most {}", range.max);
  return "";
}

bool in_range(double value, Range range) {
  return value >= range.min && value <= range.max;  // false for NaN
}

/// Reads a scalar of the node strictly: an integer is a number, nothing else converts.
template <typename T>
std::optional<T> strict(const toml::node& node) {
  if constexpr (std::is_same_v<T, double>) {
    if (const auto number = node.value_exact<double>()) return number;
    if (const auto integer = node.value_exact<int64_t>()) return static_cast<double>(*integer);
    return std::nullopt;
  } else {
    return node.value_exact<T>();
  }
}

template <typename T>
toml::array to_array(const std::vector<T>& values) {
  toml::array array;
  for (const auto& value : values) array.push_back(value);
  return array;
}

template <typename State>
const toml::node* find(State& state, const std::string& path, const char* key) {
  const toml::table* table = table_at(state.document, path, false);
  return table ? table->get(key) : nullptr;
}

template <typename State, typename Value>
void record(State& state, const std::string& path, const char* key, const std::string& type, const char* description,
            Value&& value) {
  toml::table* table = table_at(state.resolved, path, true);
  table->insert_or_assign(key, std::forward<Value>(value));
  state.keys.push_back({join(path, key), type, as_toml(*table->get(key)), description});
}

}  // namespace

void ConfigSection::read(const char* key, bool& value, const char* description) {
  if (const toml::node* node = find(*state_, path_, key)) {
    const auto read = strict<bool>(*node);
    if (!read) fail(key, "expected true or false, got " + describe_node(*node));
    value = *read;
  }
  record(*state_, path_, key, "boolean", description, value);
}

void ConfigSection::read(const char* key, int64_t& value, Range range, const char* description) {
  if (const toml::node* node = find(*state_, path_, key)) {
    const auto read = strict<int64_t>(*node);
    if (!read || !in_range(static_cast<double>(*read), range)) {
      fail(key, "expected an integer" + range_text(range) + ", got " + describe_node(*node));
    }
    value = *read;
  }
  record(*state_, path_, key, "integer", description, value);
}

void ConfigSection::read(const char* key, int& value, Range range, const char* description) {
  range.min = std::max<double>(range.min, std::numeric_limits<int>::min());
  range.max = std::min<double>(range.max, std::numeric_limits<int>::max());
  int64_t wide = value;
  read(key, wide, range, description);
  value = static_cast<int>(wide);
}

void ConfigSection::read(const char* key, uint64_t& value, const char* description) {
  auto wide = static_cast<int64_t>(value);
  read(key, wide, {.min = 0}, description);
  value = static_cast<uint64_t>(wide);
}

void ConfigSection::read(const char* key, double& value, Range range, const char* description) {
  if (const toml::node* node = find(*state_, path_, key)) {
    const auto read = strict<double>(*node);
    if (!read || !in_range(*read, range)) {
      fail(key, "expected a number" + range_text(range) + ", got " + describe_node(*node));
    }
    value = *read;
  }
  record(*state_, path_, key, "number", description, value);
}

void ConfigSection::read(const char* key, std::string& value, const char* description) {
  if (const toml::node* node = find(*state_, path_, key)) {
    const auto read = strict<std::string>(*node);
    if (!read) fail(key, "expected text, got " + describe_node(*node));
    value = *read;
  }
  record(*state_, path_, key, "text", description, value);
}

namespace {

template <typename T, typename Fail, typename Accept>
std::vector<T> read_list(const toml::node& node, const std::string& expected, Fail&& fail, Accept&& accept) {
  const toml::array* array = node.as_array();
  if (!array) fail("expected a list of " + expected + ", got " + describe_node(node));
  std::vector<T> values;
  for (const auto& element : *array) {
    const auto value = strict<T>(element);
    if (!value || !accept(*value))
      fail("expected a list of " + expected + ", got the element " + describe_node(element));
    values.push_back(*value);
  }
  return values;
}

}  // namespace

void ConfigSection::read(const char* key, std::vector<int64_t>& value, Range range, const char* description) {
  if (const toml::node* node = find(*state_, path_, key)) {
    value = read_list<int64_t>(
        *node, "integers" + range_text(range), [&](const std::string& message) { fail(key, message); },
        [&](int64_t element) { return in_range(static_cast<double>(element), range); });
  }
  record(*state_, path_, key, "list", description, to_array(value));
}

void ConfigSection::read(const char* key, std::vector<double>& value, Range range, const char* description) {
  if (const toml::node* node = find(*state_, path_, key)) {
    value = read_list<double>(
        *node, "numbers" + range_text(range), [&](const std::string& message) { fail(key, message); },
        [&](double element) { return in_range(element, range); });
  }
  record(*state_, path_, key, "list", description, to_array(value));
}

void ConfigSection::read(const char* key, std::vector<std::string>& value, const char* description) {
  if (const toml::node* node = find(*state_, path_, key)) {
    value = read_list<std::string>(
        *node, "texts", [&](const std::string& message) { fail(key, message); },
        [](const std::string&) { return true; });
  }
  record(*state_, path_, key, "list", description, to_array(value));
}

void ConfigSection::read_added(const char* key, int64_t& value, Range range, const char* description) {
  const int64_t by_default = value;
  read(key, value, range, description);
  if (value == by_default) table_at(state_->resolved, path_, false)->erase(key);
}

size_t ConfigSection::read_choice(const char* key, size_t chosen, const std::vector<std::string>& names,
                                  const char* description) {
  if (const toml::node* node = find(*state_, path_, key)) {
    const auto read = strict<std::string>(*node);
    const auto match = read ? std::find(names.begin(), names.end(), *read) : names.end();
    if (match == names.end()) {
      fail(key, fmt::format("expected one of \"{}\", got {}", fmt::join(names, "\", \""), describe_node(*node)));
    }
    chosen = static_cast<size_t>(match - names.begin());
  }
  record(*state_, path_, key, fmt::format("{}", fmt::join(names, " | ")), description, names[chosen]);
  return chosen;
}

void ConfigSection::read(const char* key, std::string& value, const std::vector<std::string>& choices,
                         const char* description) {
  const auto current = std::find(choices.begin(), choices.end(), value);
  const auto index = static_cast<size_t>(current == choices.end() ? 0 : current - choices.begin());
  value = choices[read_choice(key, index, choices, description)];
}

}  // namespace archleak
