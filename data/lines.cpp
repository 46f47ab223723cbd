#include "data/lines.h"

#include <spdlog/fmt/fmt.h>

#include <charconv>

#include "core/error.h"
#include "core/file.h"

namespace archleak::data {

bool Lines::next(std::string_view& line) {
  if (rest_.empty()) return false;
  const size_t end = rest_.find('\n');
  line = rest_.substr(0, end);
  rest_ = end == std::string_view::npos ? std::string_view() : rest_.substr(end + 1);
  if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
  ++number_;
  return true;
}

bool parse_number(std::string_view text, int64_t& value) {
  if (text.empty() || text.front() == '-') return false;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size();
}

std::vector<std::string> read_class_names(const std::filesystem::path& file, int64_t classes) {
  std::vector<std::string> names;
  if (!std::filesystem::exists(file)) return names;
  const std::string text = read_file(file, 1 << 20);
  Lines lines(text);
  for (std::string_view line; lines.next(line);) {
    if (!line.empty()) names.emplace_back(line);
  }
  if (static_cast<int64_t>(names.size()) != classes) {
    throw DataError(fmt::format("{}: expected {} class names, got {}", file.string(), classes, names.size()));
  }
  return names;
}

}  // namespace archleak::data
