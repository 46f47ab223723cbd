#pragma once
#include <string>
#include <string_view>

namespace archleak {

/// Text that came from elsewhere, fit for a terminal and for a field of a table: control characters and bytes beyond
/// ASCII become '?'.
inline std::string printable(std::string_view text) {
  std::string shown;
  for (const char character : text) shown += character >= ' ' && character <= '~' ? character : '?';
  return shown;
}

}  // namespace archleak
