#include "data/pnm.h"

#include <spdlog/fmt/fmt.h>

#include <cstdint>

#include "core/error.h"

namespace archleak::data {
namespace {

constexpr int64_t kMaxSide = 8192;

bool is_space(char c) {
  return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

/// Reads the number after white space and comments; -1 if there is none or it is too large. Leaves `at` after it.
int64_t next_number(const std::string& content, size_t& at) {
  while (at < content.size() && (is_space(content[at]) || content[at] == '#')) {
    if (content[at] == '#') {
      while (at < content.size() && content[at] != '\n') ++at;
    } else {
      ++at;
    }
  }
  int64_t value = at < content.size() && is_digit(content[at]) ? 0 : -1;
  for (; at < content.size() && is_digit(content[at]); ++at) {
    value = value * 10 + (content[at] - '0');
    if (value > kMaxSide) return -1;
  }
  return value;
}

/// Undoes what writing in text mode does: "\r\n" becomes "\n".
std::string without_carriage_returns(const std::string& content) {
  std::string result;
  result.reserve(content.size());
  for (size_t i = 0; i < content.size(); ++i) {
    if (content.compare(i, 2, "\r\n") != 0) result += content[i];
  }
  return result;
}

}  // namespace

bool is_pnm(const std::string& content) {
  return content.size() > 2 && content[0] == 'P' && (content[1] == '5' || content[1] == '6') && is_space(content[2]);
}

std::string canonical_pnm(const std::string& content, const std::filesystem::path& file) {
  size_t at = 2;
  const int64_t width = next_number(content, at);
  const int64_t height = next_number(content, at);
  const int64_t largest = next_number(content, at);
  if (width < 1 || height < 1 || largest != 255 || at >= content.size() || !is_space(content[at])) {
    throw DataError(
        fmt::format("{}: at byte {}: expected a header with width and height up to {} and largest value 255, "
                    "got another",
                    file.string(), at, kMaxSide));
  }
  const auto size = static_cast<size_t>(width * height * (content[1] == '6' ? 3 : 1));
  const bool dos = content.compare(at, 2, "\r\n") == 0;
  std::string pixels = content.substr(at + (dos && content.size() - at == size + 2 ? 2 : 1));
  if (dos && pixels.size() > size) pixels = without_carriage_returns(content.substr(at)).substr(1);
  if (pixels.size() != size) {
    throw DataError(fmt::format("{}: at byte {}: expected {} bytes of pixels, got {}", file.string(), at + 1, size,
                                content.size() - at - 1));
  }
  return fmt::format("P{}\n{} {}\n255\n", content[1], width, height) + pixels;
}

}  // namespace archleak::data
