#pragma once
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>

#include "core/error.h"

namespace archleak::test {

/// Writes a file, with its folders.
void write(const std::filesystem::path& file, const std::string& content);

/// `content` as gzip.
std::string gzip(const std::string& content);

/// Big-endian 32 bits.
std::string big_endian(uint32_t value);

/// Some bytes that look random but never change.
std::string noise(size_t size, uint64_t seed = 1);

/// The message of the `Expected` error that `action` throws; "no error" if it throws none.
template <typename Expected = DataError>
std::string error_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const Expected& error) {
    return error.what();
  }
  return "no error";
}

/// Runs `read` on `file` holding damaged versions of `content`: cut at many lengths, with bytes changed, and pure
/// noise. Passes if each is read or refused with a DataError; returns how many were refused.
int count_refused(const std::filesystem::path& file, const std::string& content, const std::function<void()>& read);

}  // namespace archleak::test
