#include "wire/capture_writer.h"

#include <fcntl.h>
#include <spdlog/spdlog.h>
#include <sys/file.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <span>

#include "core/bytes.h"
#include "core/error.h"
#include "wire/capture_reader.h"

namespace archleak::wire {
namespace {

constexpr size_t kIndexedBlocks = 16384;  // in one index block
static_assert(kIndexedBlocks * kBlockHeaderBytes <= kMaxBlockBytes);

[[noreturn]] void fail(const std::filesystem::path& file, const char* step) {
  throw Error(fmt::format("{}: cannot {}: {}", file.string(), step, std::strerror(errno)));
}

void write_all(const std::filesystem::path& file, int descriptor, std::string_view first, std::string_view second) {
  while (!first.empty() || !second.empty()) {
    const iovec parts[] = {{const_cast<char*>(first.data()), first.size()},
                           {const_cast<char*>(second.data()), second.size()}};
    const ssize_t count = ::writev(descriptor, parts, 2);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) fail(file, "write");
    const auto of_first = std::min<size_t>(static_cast<size_t>(count), first.size());
    first.remove_prefix(of_first);
    second.remove_prefix(static_cast<size_t>(count) - of_first);
  }
}

std::string_view as_bytes(const BlockHeader& header) {
  return {reinterpret_cast<const char*>(&header), kBlockHeaderBytes};
}

}  // namespace

int64_t capture_clock() {
  using namespace std::chrono;
  return duration_cast<nanoseconds>(system_clock::now().time_since_epoch()).count();
}

CaptureWriter::CaptureWriter(const std::filesystem::path& file, const CaptureOrigin& origin) : file_(file) {
  descriptor_ = ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (descriptor_ < 0) fail(file, "create");
  try {
    if (::flock(descriptor_, LOCK_EX | LOCK_NB) != 0) fail(file, "write while another process does");
    if (std::filesystem::file_size(file) == 0) {
      write_all(file_, descriptor_, capture_file_header(), {});
      position_ = kCaptureFileHeaderBytes;
    } else {
      const CaptureReader earlier(file);
      if (earlier.damaged()) {
        throw DataError(fmt::format("{}: {}: expected a whole capture to continue; record into another file",
                                    file.string(), *earlier.cut()));
      }
      position_ = earlier.readable_bytes();
      if (earlier.cut()) {
        spdlog::warn("{}: {}; a new segment begins behind it", file.string(), *earlier.cut());
        if (::ftruncate(descriptor_, static_cast<off_t>(position_)) != 0) fail(file, "cut");
      } else if (position_ > kCaptureFileHeaderBytes) {
        unindexed_.resize(kBlockHeaderBytes);
        const auto at = static_cast<off_t>(position_ - kBlockHeaderBytes);
        if (::pread(descriptor_, unindexed_.data(), kBlockHeaderBytes, at) != static_cast<ssize_t>(kBlockHeaderBytes)) {
          fail(file, "read");
        }
        last_index_ = parse_header(unindexed_).offset;
      }
      if (::lseek(descriptor_, static_cast<off_t>(position_), SEEK_SET) < 0) fail(file, "write at the end");
    }
    append({.type = BlockType::segment, .time_ns = capture_clock()}, to_content(origin));
  } catch (...) {
    if (descriptor_ >= 0) ::close(descriptor_);
    throw;
  }
}

CaptureWriter::~CaptureWriter() {
  try {
    finish();
  } catch (const std::exception& error) {
    spdlog::error("{}", error.what());
    if (descriptor_ >= 0) ::close(descriptor_);
  }
}

void CaptureWriter::open(uint32_t connection, const std::string& peer, int64_t time_ns) {
  append({.type = BlockType::open, .connection = connection, .time_ns = time_ns}, peer.substr(0, kMaxBlockBytes));
}

void CaptureWriter::data(uint32_t connection, Direction direction, uint64_t offset, std::string_view bytes,
                         int64_t time_ns) {
  while (!bytes.empty()) {
    const std::string_view part = bytes.substr(0, kMaxBlockBytes);
    append({.direction = direction, .connection = connection, .time_ns = time_ns, .offset = offset}, part);
    offset += part.size();
    bytes.remove_prefix(part.size());
  }
}

void CaptureWriter::gap(uint32_t connection, Direction direction, uint64_t offset, uint64_t lost, int64_t time_ns) {
  ByteWriter content;
  content.u64(lost);
  append(
      {.type = BlockType::gap, .direction = direction, .connection = connection, .time_ns = time_ns, .offset = offset},
      content.bytes());
}

void CaptureWriter::close(uint32_t connection, Direction direction, uint64_t offset, int64_t time_ns) {
  append({.type = BlockType::close,
          .direction = direction,
          .connection = connection,
          .time_ns = time_ns,
          .offset = offset},
         {});
}

void CaptureWriter::append(BlockHeader header, std::string_view content) {
  if (descriptor_ < 0)
    throw Error(fmt::format("{}: expected a recording that goes on, got one that has ended", file_.string()));
  seal(header, content);
  try {
    write_all(file_, descriptor_, as_bytes(header), content);
  } catch (...) {
    give_up();
    throw;
  }
  position_ += kBlockHeaderBytes + content.size();
  if (header.type == BlockType::index) return;
  unindexed_ += as_bytes(header);
  if (unindexed_.size() == kIndexedBlocks * kBlockHeaderBytes) write_index();
}

void CaptureWriter::give_up() {
  // Half a block would stand in front of what a later recording adds.
  if (::ftruncate(descriptor_, static_cast<off_t>(position_)) != 0) {
    spdlog::error("{}: cannot cut off half a block: {}", file_.string(), std::strerror(errno));
  }
  ::close(std::exchange(descriptor_, -1));
}

void CaptureWriter::write_index() {
  const uint64_t at = position_;
  append({.type = BlockType::index, .time_ns = capture_clock(), .offset = last_index_}, unindexed_);
  unindexed_.clear();
  last_index_ = at;
}

void CaptureWriter::finish() {
  if (descriptor_ < 0) return;
  write_index();
  append({.type = BlockType::end, .time_ns = capture_clock(), .offset = last_index_}, {});
  if (::fsync(descriptor_) != 0) fail(file_, "sync");
  const int descriptor = std::exchange(descriptor_, -1);
  if (::close(descriptor) != 0) fail(file_, "close");
}

}  // namespace archleak::wire
