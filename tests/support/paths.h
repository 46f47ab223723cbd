#pragma once
#include <filesystem>
#include <optional>
#include <string>

namespace archleak::test {

/// The folder with real data: $ARCHLEAK_DATA, else ../shared/data beside the checkout; nothing if `name` is not in it.
/// A test that needs it calls GTEST_SKIP() when it is absent.
std::optional<std::filesystem::path> real_data(const std::string& name);

/// The folder with golden values: $ARCHLEAK_GOLDEN, else ../shared/golden beside the checkout; nothing if absent.
std::optional<std::filesystem::path> golden(const std::string& name);

/// A fresh folder that is removed with the object.
class TemporaryFolder {
 public:
  TemporaryFolder();
  ~TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path operator/(const std::string& name) const { return path_ / name; }

 private:
  std::filesystem::path path_;
};

}  // namespace archleak::test
