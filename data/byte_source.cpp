#include "data/byte_source.h"

#include <spdlog/fmt/fmt.h>
#include <zlib.h>

#include <algorithm>

#include "core/error.h"

namespace archleak::data {
namespace {

constexpr uint64_t kDeflateRatio = 1032;  // no deflate stream expands further
constexpr uint64_t kBlockBytes = 1 << 20;

}  // namespace

struct ByteSource::Handle {
  gzFile file;
  ~Handle() { gzclose(file); }
};

ByteSource::ByteSource(std::filesystem::path file) : file_(std::move(file)) {
  std::error_code error;
  if (!std::filesystem::is_regular_file(file_, error)) {
    throw DataError(file_.string() + ": expected a file, got " +
                    (std::filesystem::exists(file_, error) ? "something else" : "nothing"));
  }
  const gzFile opened = gzopen(file_.c_str(), "rb");  // passes plain files through
  if (!opened) throw DataError(file_.string() + ": expected a readable file, got none");
  handle_ = std::make_unique<Handle>(opened);
  gzbuffer(opened, kBlockBytes / 4);
  const uint64_t size = std::filesystem::file_size(file_);
  most_ = gzdirect(opened) ? size : size * kDeflateRatio;
}

ByteSource::~ByteSource() = default;
ByteSource::ByteSource(ByteSource&&) noexcept = default;

size_t ByteSource::read_some(std::span<uint8_t> bytes) {
  const int count = gzread(handle_->file, bytes.data(), static_cast<unsigned>(bytes.size()));
  int code = Z_OK;
  const char* reason = gzerror(handle_->file, &code);
  if (count < 0 || (code != Z_OK && code != Z_STREAM_END)) {
    fail(offset_ + static_cast<uint64_t>(std::max(count, 0)), fmt::format("expected gzip data, got {}", reason));
  }
  offset_ += static_cast<uint64_t>(count);
  return static_cast<size_t>(count);
}

std::vector<uint8_t> ByteSource::read(uint64_t size, const std::string& what) {
  const uint64_t start = offset_;
  if (size > most_ - std::min(offset_, most_)) {
    fail(start, fmt::format("expected {} bytes of {}, got a file that holds at most {} more", size, what,
                            most_ - std::min(offset_, most_)));
  }
  std::vector<uint8_t> bytes;
  if (size <= 64 * kBlockBytes) bytes.reserve(size);
  while (bytes.size() < size) {
    const size_t had = bytes.size();
    bytes.resize(had + std::min(kBlockBytes, size - had));
    const size_t count = read_some(std::span(bytes).subspan(had));
    if (count < bytes.size() - had) {
      fail(start, fmt::format("expected {} bytes of {}, got {}", size, what, had + count));
    }
  }
  return bytes;
}

uint32_t ByteSource::read_u32(const std::string& what) {
  const auto bytes = read(4, what);
  return uint32_t{bytes[0]} << 24 | uint32_t{bytes[1]} << 16 | uint32_t{bytes[2]} << 8 | bytes[3];
}

void ByteSource::expect_end() {
  const uint64_t end = offset_;
  uint8_t byte = 0;
  if (read_some({&byte, 1}) != 0) fail(end, "expected the end of the file, got more bytes");
}

void ByteSource::fail(uint64_t offset, const std::string& message) const {
  throw DataError(fmt::format("{}: at byte {}: {}", file_.string(), offset, message));
}

}  // namespace archleak::data
