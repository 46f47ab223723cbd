#include "sim/line_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "core/error.h"
#include "core/file.h"

namespace archleak::sim {
namespace {

constexpr uint64_t kMaxBytes = uint64_t{1} << 30;

[[noreturn]] void fail(const std::filesystem::path& path, const char* step) {
  throw Error(path.string() + ": cannot " + step + ": " + std::strerror(errno));
}

}  // namespace

LineFile::LineFile(std::filesystem::path path) : path_(std::move(path)) {}

LineFile::~LineFile() {
  close();
}

LineFile::LineFile(LineFile&& other) noexcept
    : path_(std::move(other.path_)), descriptor_(std::exchange(other.descriptor_, -1)) {}

LineFile& LineFile::operator=(LineFile&& other) noexcept {
  if (this != &other) {
    close();
    path_ = std::move(other.path_);
    descriptor_ = std::exchange(other.descriptor_, -1);
  }
  return *this;
}

void LineFile::open() {
  descriptor_ = ::open(path_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (descriptor_ < 0) fail(path_, "open");
  const std::string content = read_file(path_, kMaxBytes);
  const size_t complete = content.find_last_of('\n') + 1;  // npos + 1 is 0
  if (complete != content.size() && ::ftruncate(descriptor_, static_cast<off_t>(complete)) != 0)
    fail(path_, "truncate");
}

void LineFile::close() {
  if (descriptor_ >= 0) ::close(std::exchange(descriptor_, -1));
}

void LineFile::append(std::string_view line) {
  if (descriptor_ < 0) open();
  std::string text(line);
  text += '\n';
  size_t written = 0;
  while (written < text.size()) {
    const ssize_t count = ::write(descriptor_, text.data() + written, text.size() - written);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) fail(path_, "write");
    written += static_cast<size_t>(count);
  }
}

void LineFile::sync() {
  if (descriptor_ >= 0 && ::fsync(descriptor_) != 0) fail(path_, "sync");
}

std::vector<std::string> LineFile::lines() const {
  std::vector<std::string> lines;
  if (!std::filesystem::exists(path_)) return lines;
  const std::string content = read_file(path_, kMaxBytes);
  size_t begin = 0;
  for (size_t end; (end = content.find('\n', begin)) != std::string::npos; begin = end + 1) {
    lines.push_back(content.substr(begin, end - begin));
  }
  return lines;
}

void LineFile::rewrite(const std::vector<std::string>& lines) {
  close();
  std::string content;
  for (const std::string& line : lines) content += line + '\n';
  write_file_atomically(path_, content);
}

}  // namespace archleak::sim
