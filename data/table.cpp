#include "data/table.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>

#include "core/error.h"
#include "core/file.h"
#include "data/lines.h"

namespace archleak::data {
namespace {

constexpr int64_t kTestEvery = 5;
constexpr int64_t kMaxClasses = 1 << 16;

[[noreturn]] void fail(const std::filesystem::path& file, int64_t line, const std::string& message) {
  throw DataError(fmt::format("{}:{}: {}", file.string(), line, message));
}

int32_t parse_label(std::string_view text, int64_t classes, const std::filesystem::path& file, int64_t line) {
  if (text.size() >= 2 && text.front() == '"' && text.back() == '"') text = text.substr(1, text.size() - 2);
  int64_t label = 0;
  const int64_t most = classes > 0 ? classes : kMaxClasses;
  if (!parse_number(text, label) || label < 1 || label > most) {
    fail(file, line, fmt::format("expected a label from 1 to {}, got '{}'", most, text.substr(0, 40)));
  }
  return static_cast<int32_t>(label - 1);
}

/// Appends "0,1,1,..." as 0 and 255; returns how many there were.
int64_t append_features(std::string_view text, const std::filesystem::path& file, int64_t line,
                        std::vector<uint8_t>& pixels) {
  int64_t count = 0;
  for (size_t i = 0; i < text.size(); i += 2, ++count) {
    const bool binary = text[i] == '0' || text[i] == '1';
    if (!binary || (i + 1 < text.size() && text[i + 1] != ',')) {
      fail(file, line,
           fmt::format("expected 0 or 1 in feature {}, got '{}'", count + 1,
                       text.substr(i, std::min(text.find(',', i) - i, size_t{20}))));
    }
    if (i + 2 == text.size()) fail(file, line, "expected a feature after the last comma, got none");
    pixels.push_back(text[i] == '1' ? 255 : 0);
  }
  return count;
}

std::vector<int32_t> read_labels(const std::filesystem::path& file, int64_t classes) {
  const std::string text = read_file(file);
  std::vector<int32_t> labels;
  Lines lines(text);
  for (std::string_view line; lines.next(line);) {
    if (!line.empty()) labels.push_back(parse_label(line, classes, file, lines.number()));
  }
  return labels;
}

}  // namespace

Splits read_table(const std::filesystem::path& file, const std::string& name, const TableFormat& format) {
  const bool own_labels = format.label_file.empty();
  const auto labels = own_labels ? std::vector<int32_t>() : read_labels(format.label_file, format.classes);
  const std::string text = read_file(file);
  int64_t features = format.features;
  int64_t rows = 0;
  int32_t largest = 0;
  Splits splits;
  Lines lines(text);
  for (std::string_view line; lines.next(line);) {
    if (line.empty()) continue;
    Dataset& split = ++rows % kTestEvery == 0 ? splits.test : splits.train;
    if (own_labels) {
      const size_t comma = line.find(',');
      split.labels.push_back(parse_label(line.substr(0, comma), format.classes, file, lines.number()));
      line = comma == std::string_view::npos ? std::string_view() : line.substr(comma + 1);
    } else {
      if (rows > static_cast<int64_t>(labels.size())) {
        fail(file, lines.number(), fmt::format("expected {} rows, one a label, got more", labels.size()));
      }
      split.labels.push_back(labels[rows - 1]);
    }
    largest = std::max(largest, split.labels.back());
    const int64_t count = append_features(line, file, lines.number(), split.pixels);
    if (features == 0) features = count;
    if (count != features || count == 0) {
      fail(file, lines.number(), fmt::format("expected {} features, got {}", std::max(features, int64_t{1}), count));
    }
  }
  if (!own_labels && rows != static_cast<int64_t>(labels.size())) {
    throw DataError(fmt::format("{}: expected {} rows, one a label, got {}", file.string(), labels.size(), rows));
  }
  if (rows < kTestEvery)
    throw DataError(fmt::format("{}: expected at least {} rows, got {}", file.string(), kTestEvery, rows));
  for (Dataset* split : {&splits.train, &splits.test}) {
    split->name = name + (split == &splits.train ? " train" : " test");
    split->shape = {features, 1, 1};
    split->classes = format.classes > 0 ? format.classes : largest + 1;
  }
  return splits;
}

}  // namespace archleak::data
