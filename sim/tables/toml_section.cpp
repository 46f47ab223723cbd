#include "sim/tables/toml_section.h"

#include <spdlog/fmt/fmt.h>
#include <spdlog/fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <sstream>

#include "core/error.h"
#include "core/nearest.h"

namespace archleak::sim {
namespace {

std::string describe_node(const toml::node& node) {
  return node.is_table() ? "a table" : node.is_array() ? "a list" : toml_text(node);
}

}  // namespace

std::string toml_text(const toml::node& node) {
  if (node.is_floating_point()) {  // 0.1 as the document has it, not with all 17 digits
    const std::string text = fmt::format("{}", *node.value<double>());
    return text.find_first_not_of("-0123456789") == std::string::npos ? text + ".0" : text;
  }
  std::ostringstream text;
  node.visit([&text](const auto& concrete) { text << concrete; });
  return text.str();
}

std::string plain_text(const toml::node& node) {
  return node.is_string() ? std::string(*node.value<std::string_view>()) : toml_text(node);
}

TomlSection::TomlSection(const toml::table& table, std::string file, std::string path)
    : table_(&table), file_(std::move(file)), path_(std::move(path)) {}

const toml::node* TomlSection::find(const std::string& key) const {
  asked_.insert(key);
  return table_->get(key);
}

std::string TomlSection::where(const std::string& key) const {
  const toml::node* node = table_->get(key);
  const auto line = (node ? node : table_)->source().begin.line;
  return line > 0 ? fmt::format("{}:{}", file_, line) : file_;
}

void TomlSection::fail(const std::string& key, const std::string& message) const {
  const std::string full = path_.empty() || key.empty() ? path_ + key : path_ + "." + key;
  throw ConfigError(fmt::format("{}: {}: {}", where(key), full, message));
}

const toml::node& TomlSection::node(const std::string& key) const {
  const toml::node* node = find(key);
  if (!node) fail(key, "expected this key, got none");
  return *node;
}

std::string TomlSection::text(const std::string& key) const {
  const toml::node& value = node(key);
  if (!value.is_string()) fail(key, "expected text, got " + describe_node(value));
  return plain_text(value);
}

std::string TomlSection::text(const std::string& key, const std::string& fallback) const {
  return find(key) ? text(key) : fallback;
}

std::string TomlSection::choice(const std::string& key, const std::vector<std::string>& names,
                                const std::string& fallback) const {
  if (!find(key) && !fallback.empty()) return fallback;
  const std::string name = text(key);
  if (std::find(names.begin(), names.end(), name) == names.end()) {
    fail(key, fmt::format("expected one of \"{}\", got '{}'", fmt::join(names, "\", \""), name));
  }
  return name;
}

std::vector<std::string> TomlSection::texts(const std::string& key) const {
  const toml::node* value = find(key);
  if (!value) return {};
  if (!value->is_array()) fail(key, "expected a list of texts, got " + describe_node(*value));
  std::vector<std::string> texts;
  for (const toml::node& element : *value->as_array()) {
    if (!element.is_string()) fail(key, "expected a list of texts, got the element " + describe_node(element));
    texts.push_back(plain_text(element));
  }
  return texts;
}

double TomlSection::number(const std::string& key) const {
  const toml::node& value = node(key);
  const auto number = value.value<double>();
  if (!value.is_number() || !number || !std::isfinite(*number)) {
    fail(key, "expected a number, got " + describe_node(value));
  }
  return *number;
}

double TomlSection::number(const std::string& key, double fallback) const {
  return find(key) ? number(key) : fallback;
}

std::vector<double> TomlSection::numbers(const std::string& key) const {
  const toml::array* array = node(key).as_array();
  if (!array || array->empty()) fail(key, "expected a list of numbers, got " + describe_node(node(key)));
  std::vector<double> numbers;
  for (const toml::node& element : *array) {
    const auto number = element.value<double>();
    if (!element.is_number() || !number || !std::isfinite(*number)) {
      fail(key, "expected a list of numbers, got the element " + describe_node(element));
    }
    numbers.push_back(*number);
  }
  return numbers;
}

int64_t TomlSection::integer(const std::string& key, int64_t fallback, int64_t least, int64_t most) const {
  const toml::node* value = find(key);
  if (!value) return fallback;
  const auto integer = value->is_integer() ? value->value<int64_t>() : std::nullopt;
  if (!integer || *integer < least || *integer > most) {
    fail(key, fmt::format("expected an integer from {} to {}, got {}", least, most, describe_node(*value)));
  }
  return *integer;
}

std::map<std::string, std::string> TomlSection::labels(const std::string& key) const {
  const auto table = section(key);
  std::map<std::string, std::string> labels;
  if (!table) return labels;
  for (const std::string& name : table->keys()) {
    const toml::node& value = table->node(name);
    if (value.is_table() || value.is_array()) table->fail(name, "expected a value, got " + describe_node(value));
    labels[name] = plain_text(value);
  }
  return labels;
}

std::optional<TomlSection> TomlSection::section(const std::string& key) const {
  const toml::node* value = find(key);
  if (!value) return std::nullopt;
  if (!value->is_table()) fail(key, "expected a table, got " + describe_node(*value));
  return TomlSection(*value->as_table(), file_, path_.empty() ? key : path_ + "." + key);
}

std::vector<TomlSection> TomlSection::sections(const std::string& key) const {
  const toml::node* value = find(key);
  if (!value) return {};
  if (!value->is_array()) fail(key, "expected tables, [[" + key + "]], got " + describe_node(*value));
  std::vector<TomlSection> sections;
  for (const toml::node& element : *value->as_array()) {
    if (!element.is_table()) fail(key, "expected tables, got the element " + describe_node(element));
    sections.emplace_back(*element.as_table(), file_, path_.empty() ? key : path_ + "." + key);
  }
  return sections;
}

std::vector<std::string> TomlSection::keys() const {
  std::vector<std::pair<toml::source_position, std::string>> found;
  for (const auto& [key, node] : *table_) found.emplace_back(key.source().begin, std::string(key.str()));
  std::stable_sort(found.begin(), found.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  std::vector<std::string> keys;
  for (auto& [position, key] : found) keys.push_back(std::move(key));
  return keys;
}

void TomlSection::reject_unknown() const {
  for (const std::string& key : keys()) {
    if (asked_.contains(key)) continue;
    fail(key, fmt::format("expected a known key, got an unknown one; the nearest is '{}'",
                          nearest(key, {asked_.begin(), asked_.end()})));
  }
}

}  // namespace archleak::sim
