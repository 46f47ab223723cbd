#include "core/file.h"

#include <fcntl.h>
#include <spdlog/fmt/fmt.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <fstream>

#include "core/error.h"

namespace archleak {
namespace {

[[noreturn]] void fail(const std::filesystem::path& file, const char* step) {
  throw Error(file.string() + ": cannot " + step + ": " + std::strerror(errno));
}

[[noreturn]] void discard(const std::filesystem::path& temporary, const std::filesystem::path& file, const char* step) {
  const int reason = errno;
  ::unlink(temporary.c_str());
  errno = reason;
  fail(file, step);
}

void sync_folder(const std::filesystem::path& folder) {
  const int descriptor = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) return;
  ::fsync(descriptor);
  ::close(descriptor);
}

}  // namespace

void write_file_atomically(const std::filesystem::path& file, std::string_view content) {
  const auto folder = file.has_parent_path() ? file.parent_path() : std::filesystem::path(".");
  static std::atomic<uint64_t> number{0};  // others of this process may be writing the same file
  const auto temporary = fmt::format("{}.tmp{}-{}", file.string(), ::getpid(), ++number);
  const int descriptor = ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (descriptor < 0) fail(temporary, "create");
  size_t written = 0;
  while (written < content.size()) {
    const ssize_t count = ::write(descriptor, content.data() + written, content.size() - written);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) {
      const int reason = errno;
      ::close(descriptor);
      errno = reason;
      discard(temporary, temporary, "write");
    }
    written += static_cast<size_t>(count);
  }
  const bool synced = ::fsync(descriptor) == 0;
  ::close(descriptor);
  if (!synced) discard(temporary, temporary, "sync");
  if (::rename(temporary.c_str(), file.c_str()) != 0) discard(temporary, file, "rename into place");
  sync_folder(folder);
}

std::string read_file(const std::filesystem::path& file, uint64_t max_bytes) {
  std::error_code error;
  if (!std::filesystem::is_regular_file(file, error)) {
    throw DataError(file.string() + ": expected a file, got " +
                    (std::filesystem::exists(file) ? "something else" : "nothing"));
  }
  const uint64_t size = std::filesystem::file_size(file);
  if (size > max_bytes) {
    throw DataError(file.string() + ": expected at most " + std::to_string(max_bytes) + " bytes, got " +
                    std::to_string(size));
  }
  std::string content(size, '\0');
  std::ifstream stream(file, std::ios::binary);
  if (!stream.read(content.data(), static_cast<std::streamsize>(size))) {
    throw DataError(file.string() + ": expected " + std::to_string(size) + " bytes, got " +
                    std::to_string(stream.gcount()));
  }
  return content;
}

}  // namespace archleak
