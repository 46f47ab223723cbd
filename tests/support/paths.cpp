#include "tests/support/paths.h"

#include <stdlib.h>

#include <stdexcept>

namespace archleak::test {
namespace {

std::optional<std::filesystem::path> beside_checkout(const char* variable, const char* folder,
                                                     const std::string& name) {
  const char* configured = std::getenv(variable);
  const std::filesystem::path root =
      configured ? configured : std::filesystem::path(ARCHLEAK_SOURCE_DIR) / ".." / "shared" / folder;
  const auto path = root / name;
  return std::filesystem::exists(path) ? std::optional(path) : std::nullopt;
}

}  // namespace

std::optional<std::filesystem::path> real_data(const std::string& name) {
  return beside_checkout("ARCHLEAK_DATA", "data", name);
}

std::optional<std::filesystem::path> golden(const std::string& name) {
  return beside_checkout("ARCHLEAK_GOLDEN", "golden", name);
}

TemporaryFolder::TemporaryFolder() {
  std::string pattern = (std::filesystem::temp_directory_path() / "archleak-test-XXXXXX").string();
  if (!mkdtemp(pattern.data())) throw std::runtime_error("cannot make a temporary folder");
  path_ = pattern;
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

}  // namespace archleak::test
