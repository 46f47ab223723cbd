#include <spdlog/fmt/fmt.h>
#include <spdlog/fmt/ranges.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "core/file.h"
#include "core/nearest.h"
#include "nas/genotype.h"

namespace archleak::nas {
namespace {

using nlohmann::json;

constexpr uint64_t kMaxGenotypeBytes = 1 << 20;

std::string shorten(const json& value) {
  const std::string text = value.dump(-1, ' ', true, json::error_handler_t::replace);
  return text.size() <= 60 ? text : text.substr(0, 57) + "...";
}

const json& list_at(const json& document, const char* key, const std::string& where) {
  const auto found = document.find(key);
  if (found == document.end()) throw DataError(fmt::format("{}: expected the key '{}', got none", where, key));
  if (!found->is_array()) throw DataError(fmt::format("{}: {}: expected a list, got {}", where, key, shorten(*found)));
  return *found;
}

std::vector<Genotype::Edge> read_edges(const json& document, const char* key, const std::string& where) {
  std::vector<Genotype::Edge> edges;
  for (const auto& edge : list_at(document, key, where)) {
    if (!edge.is_array() || edge.size() != 2 || !edge[0].is_string() || !edge[1].is_number_integer()) {
      throw DataError(
          fmt::format("{}: {}[{}]: expected [operation, state], got {}", where, key, edges.size(), shorten(edge)));
    }
    edges.push_back({edge[0].get<std::string>(), edge[1].get<int64_t>()});
  }
  return edges;
}

std::vector<int64_t> read_states(const json& document, const char* key, const std::string& where) {
  std::vector<int64_t> states;
  for (const auto& state : list_at(document, key, where)) {
    if (!state.is_number_integer()) {
      throw DataError(fmt::format("{}: {}[{}]: expected a state, got {}", where, key, states.size(), shorten(state)));
    }
    states.push_back(state.get<int64_t>());
  }
  return states;
}

std::string edges_text(const std::vector<Genotype::Edge>& edges, const char* pattern) {
  std::vector<std::string> parts;
  for (const auto& edge : edges) parts.push_back(fmt::format(fmt::runtime(pattern), edge.operation, edge.from));
  return fmt::format("[{}]", fmt::join(parts, ", "));
}

}  // namespace

std::string to_json(const Genotype& genotype) {
  const char* pattern = "[\"{}\", {}]";
  return fmt::format(
      "{{\n  \"normal\": {},\n  \"normal_concat\": [{}],\n  \"reduce\": {},\n  \"reduce_concat\": [{}]\n}}\n",
      edges_text(genotype.normal, pattern), fmt::join(genotype.normal_concat, ", "),
      edges_text(genotype.reduce, pattern), fmt::join(genotype.reduce_concat, ", "));
}

std::string to_python(const Genotype& genotype) {
  const char* pattern = "('{}', {})";
  return fmt::format("Genotype(normal={}, normal_concat=[{}], reduce={}, reduce_concat=[{}])",
                     edges_text(genotype.normal, pattern), fmt::join(genotype.normal_concat, ", "),
                     edges_text(genotype.reduce, pattern), fmt::join(genotype.reduce_concat, ", "));
}

Genotype genotype_from_json(const std::string& text, const std::string& where) {
  if (text.size() > kMaxGenotypeBytes) {
    throw DataError(fmt::format("{}: expected at most {} bytes, got {}", where, kMaxGenotypeBytes, text.size()));
  }
  json document;
  try {
    document = json::parse(text);
  } catch (const json::parse_error& error) {
    throw DataError(fmt::format("{}: expected a genotype as JSON, got: {}", where, error.what()));
  }
  if (!document.is_object()) throw DataError(fmt::format("{}: expected an object, got {}", where, shorten(document)));
  const std::vector<std::string> keys = {"normal", "normal_concat", "reduce", "reduce_concat"};
  for (const auto& [key, value] : document.items()) {
    if (std::find(keys.begin(), keys.end(), key) == keys.end()) {
      throw DataError(fmt::format("{}: expected only known keys, got {}; the nearest is '{}'", where, shorten(key),
                                  nearest(key.substr(0, 100), keys)));
    }
  }
  Genotype genotype{read_edges(document, "normal", where), read_states(document, "normal_concat", where),
                    read_edges(document, "reduce", where), read_states(document, "reduce_concat", where)};
  validate(genotype, where);
  return genotype;
}

Genotype load_genotype(const std::string& file_or_name) {
  if (file_or_name.starts_with('{')) return genotype_from_json(file_or_name, "genotype");
  if (std::filesystem::exists(file_or_name)) {
    return genotype_from_json(read_file(file_or_name, kMaxGenotypeBytes), file_or_name);
  }
  const auto names = genotype_names();
  if (std::find(names.begin(), names.end(), file_or_name) != names.end()) return named_genotype(file_or_name);
  throw ConfigError(fmt::format("genotype: expected a file or one of {}, got '{}'; the nearest name is '{}'",
                                fmt::join(names, ", "), file_or_name, nearest(file_or_name, names)));
}

}  // namespace archleak::nas
