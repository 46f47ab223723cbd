#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "core/file.h"
#include "data/partition.h"

namespace archleak::data {
namespace {

using nlohmann::json;

constexpr int64_t kVersion = 1;
constexpr uint64_t kMaxBytes = uint64_t{1} << 30;

[[noreturn]] void fail(const std::filesystem::path& file, const std::string& message) {
  throw DataError(file.string() + ": " + message);
}

std::string brief(const json& value) {
  return value.is_structured() ? std::string(value.type_name())
                               : value.dump(-1, ' ', false, json::error_handler_t::replace);
}

void expect_number(const std::filesystem::path& file, const json& document, const char* key, int64_t expected) {
  const auto found = document.find(key);
  if (found == document.end()) fail(file, fmt::format("expected \"{}\": {}, got no such key", key, expected));
  if (!found->is_number_integer() || *found != expected) {
    fail(file, fmt::format("expected \"{}\": {}, got {}", key, expected, brief(*found)));
  }
}

}  // namespace

void write_partition(const std::filesystem::path& file, const Partition& partition, int64_t examples) {
  const json document = {{"version", kVersion}, {"examples", examples}, {"clients", partition}};
  write_file_atomically(file, document.dump() + "\n");
}

Partition read_partition(const std::filesystem::path& file, int64_t examples, int64_t clients) {
  json document;
  try {
    document = json::parse(read_file(file, kMaxBytes));
  } catch (const json::exception& error) {
    fail(file, fmt::format("expected JSON, got {}", error.what()));
  }
  if (!document.is_object()) fail(file, fmt::format("expected a JSON object, got {}", brief(document)));
  expect_number(file, document, "version", kVersion);
  expect_number(file, document, "examples", examples);
  const auto lists = document.find("clients");
  if (lists == document.end() || !lists->is_array()) fail(file, "expected \"clients\" with a list of lists, got none");
  if (static_cast<int64_t>(lists->size()) != clients) {
    fail(file, fmt::format("expected {} clients, got {}", clients, lists->size()));
  }
  Partition partition(lists->size());
  std::vector<bool> taken(static_cast<size_t>(examples));
  for (size_t client = 0; client < lists->size(); ++client) {
    const json& list = (*lists)[client];
    if (!list.is_array() || list.empty()) {
      fail(file, fmt::format("client {}: expected a list of indices, got {}", client,
                             list.is_array() ? "an empty one" : brief(list)));
    }
    for (size_t position = 0; position < list.size(); ++position) {
      const json& value = list[position];
      const bool whole = value.is_number_integer();
      const bool fits = whole && value >= 0 && value < examples;
      if (!fits) {
        fail(file, fmt::format("client {}, position {}: expected an index from 0 to {}, got {}", client, position,
                               examples - 1, brief(value)));
      }
      const auto index = value.get<int64_t>();
      if (taken[index]) {
        fail(file, fmt::format("client {}, position {}: expected an index not dealt before, got {} again", client,
                               position, index));
      }
      taken[index] = true;
      partition[client].push_back(index);
    }
    std::sort(partition[client].begin(), partition[client].end());
  }
  return partition;
}

}  // namespace archleak::data
