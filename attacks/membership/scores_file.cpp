#include "attacks/membership/scores_file.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <optional>

#include "core/csv.h"
#include "core/error.h"
#include "core/file.h"
#include "core/nearest.h"
#include "core/printable.h"
#include "data/lines.h"

namespace archleak::attacks {
namespace {

constexpr uint64_t kMaxFileBytes = uint64_t{256} << 20;
constexpr size_t kMaxLineBytes = size_t{64} << 10;
constexpr size_t kMaxNameBytes = 256;  // of a class or an id
constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";

enum Column { kScore, kMember, kLabel, kCorrect, kPart, kId, kColumns };
const std::array<std::string, kColumns> kNames{"score", "member", "label", "correct", "part", "id"};

std::string shown(std::string_view field) {
  return fmt::format("'{}{}'", printable(field.substr(0, 40)), field.size() > 40 ? "..." : "");
}

std::string_view trimmed(std::string_view field) {
  const size_t first = field.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return field.substr(first, field.find_last_not_of(" \t") - first + 1);
}

std::optional<double> parse_number(std::string_view field) {
  field = trimmed(field);
  double value = 0;
  const auto [end, error] = std::from_chars(field.data(), field.data() + field.size(), value);
  if (error != std::errc() || end != field.data() + field.size()) return std::nullopt;
  return value;
}

std::optional<uint8_t> parse_flag(std::string_view field) {
  std::string word(trimmed(field));
  for (char& letter : word) letter = letter >= 'A' && letter <= 'Z' ? static_cast<char>(letter + 32) : letter;
  if (word == "true" || word == "false") return word == "true";
  const auto number = parse_number(field);  // "1.0" as well: what NumPy writes
  if (number == 0.0 || number == 1.0) return number == 1.0;
  return std::nullopt;
}

/// One file on its way into a table.
class Reader {
 public:
  explicit Reader(const std::filesystem::path& file) : file_(file) {}

  ScoresFile read() {
    std::string text = read_file(file_, kMaxFileBytes);
    if (text.starts_with(kByteOrderMark)) text.erase(0, kByteOrderMark.size());
    data::Lines lines(text);
    bool header = true;
    for (std::string_view line; lines.next(line);) {
      line_ = lines.number();
      if (trimmed(line).empty()) continue;
      if (line.size() > kMaxLineBytes) {
        fail(fmt::format("expected at most {} bytes in a line, got {}", kMaxLineBytes, line.size()));
      }
      const auto fields = split_csv_row(line, fmt::format("{}:{}", file_.string(), line_));
      header ? take_header(fields) : take_row(fields);
      header = false;
    }
    if (header) {
      throw DataError(file_.string() + ": expected a header with the columns score and member, got an empty file");
    }
    const auto members = std::count(table().member.begin(), table().member.end(), 1);
    const auto others = static_cast<int64_t>(table().member.size()) - members;
    if (members == 0 || others == 0) {
      throw DataError(fmt::format("{}: expected members and non-members, got {} members and {} non-members",
                                  file_.string(), members, others));
    }
    return std::move(result_);
  }

 private:
  [[noreturn]] void fail(const std::string& message) const {
    throw DataError(fmt::format("{}:{}: {}", file_.string(), line_, message));
  }

  ScoreTable& table() { return result_.table; }

  void take_header(const std::vector<std::string>& fields) {
    columns_ = fields.size();
    for (size_t i = 0; i < fields.size(); ++i) {
      const std::string_view name = trimmed(fields[i]);
      const auto known = std::find(kNames.begin(), kNames.end(), name);
      if (known == kNames.end()) {
        if (!name.empty()) result_.ignored.push_back(printable(name.substr(0, 40)));  // pandas' index has no name
        continue;
      }
      auto& at = at_[known - kNames.begin()];
      if (at) fail("expected each column once, got " + *known + " twice");
      at = i;
    }
    for (const Column needed : {kScore, kMember}) {
      if (at_[needed]) continue;
      std::string got;
      for (const auto& name : result_.ignored) got += (got.empty() ? "'" : ", '") + name + "'";
      const bool number = parse_number(fields[0]).has_value();
      const std::string hint = nearest(kNames[needed], result_.ignored);
      fail(fmt::format("expected a header with the columns score and member, got no {}{}{}", kNames[needed],
                       got.empty() ? "" : " but " + got.substr(0, 200),
                       number         ? "; add the header line"
                       : hint.empty() ? ""
                                      : "; the nearest is '" + hint + "'"));
    }
  }

  void take_row(const std::vector<std::string>& fields) {
    if (fields.size() != columns_) fail(fmt::format("expected {} fields, got {}", columns_, fields.size()));
    const std::string& score = fields[*at_[kScore]];
    const auto value = parse_number(score);
    if (!value || !std::isfinite(*value)) fail("expected a finite number in column score, got " + shown(score));
    table().scores.push_back(*value);
    table().member.push_back(flag(fields, kMember));
    if (at_[kCorrect]) table().correct.push_back(flag(fields, kCorrect));
    if (at_[kLabel]) table().labels.push_back(name(fields, kLabel));
    if (at_[kPart]) table().parts.push_back(part(fields));
    if (at_[kId]) table().ids.push_back(name(fields, kId));
  }

  uint8_t flag(const std::vector<std::string>& fields, Column column) const {
    const std::string& field = fields[*at_[column]];
    const auto value = parse_flag(field);
    if (!value) fail(fmt::format("expected 0 or 1 in column {}, got {}", kNames[column], shown(field)));
    return *value;
  }

  /// Of a row whose member flag was taken.
  std::string part(const std::vector<std::string>& fields) const {
    const std::string& field = fields[*at_[kPart]];
    if (trimmed(field).empty()) return "";
    if (!result_.table.member.back()) fail("expected no part for a non-member, got " + shown(field));
    return name(fields, kPart);
  }

  std::string name(const std::vector<std::string>& fields, Column column) const {
    std::string name(trimmed(fields[*at_[column]]));
    const auto control = [](char c) { return static_cast<unsigned char>(c) < ' ' || c == '\x7f'; };
    const bool broken = std::any_of(name.begin(), name.end(), control);
    if (name.empty() || name.size() > kMaxNameBytes || broken) {
      fail(fmt::format("expected 1 to {} bytes without control characters in column {}, got {}", kMaxNameBytes,
                       kNames[column], name.size() > kMaxNameBytes ? fmt::format("{}", name.size()) : shown(name)));
    }
    return name;
  }

  std::filesystem::path file_;
  int64_t line_ = 0;
  size_t columns_ = 0;
  std::array<std::optional<size_t>, kColumns> at_;
  ScoresFile result_;
};

}  // namespace

ScoresFile read_scores(const std::filesystem::path& file) {
  return Reader(file).read();
}

void write_scores(const std::filesystem::path& file, const ScoreTable& table) {
  std::vector<std::string> fields{"score", "member"};
  if (!table.labels.empty()) fields.push_back("label");
  if (!table.correct.empty()) fields.push_back("correct");
  if (!table.parts.empty()) fields.push_back("part");
  if (!table.ids.empty()) fields.push_back("id");
  std::string text = csv_row(fields) + "\n";
  for (size_t i = 0; i < table.scores.size(); ++i) {
    fields = {fmt::format("{}", table.scores[i]), table.member[i] ? "1" : "0"};
    if (!table.labels.empty()) fields.push_back(table.labels[i]);
    if (!table.correct.empty()) fields.push_back(table.correct[i] ? "1" : "0");
    if (!table.parts.empty()) fields.push_back(table.parts[i]);
    if (!table.ids.empty()) fields.push_back(table.ids[i]);
    text += csv_row(fields) + "\n";
  }
  write_file_atomically(file, text);
}

}  // namespace archleak::attacks
