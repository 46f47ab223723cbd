#include "wire/capture_reader.h"

#include <fcntl.h>
#include <spdlog/spdlog.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "core/error.h"

namespace archleak::wire {
namespace {

uint64_t size_on_disk(const BlockHeader& header) {
  return kBlockHeaderBytes + header.length;
}

bool is_content(BlockType type) {
  return type != BlockType::index && type != BlockType::end;
}

}  // namespace

CaptureReader::CaptureReader(const std::filesystem::path& file) : file_(file) {
  descriptor_ = ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
  struct stat status {};
  if (descriptor_ < 0 || ::fstat(descriptor_, &status) != 0 || !S_ISREG(status.st_mode)) {
    const std::string got = descriptor_ < 0 ? std::strerror(errno) : "something else";
    if (descriptor_ >= 0) ::close(descriptor_);
    throw DataError(fmt::format("{}: expected a capture file, got: {}", file.string(), got));
  }
  size_ = readable_ = static_cast<uint64_t>(status.st_size);
  try {
    check_file_header();
    if (!open_by_index()) scan(kCaptureFileHeaderBytes, size_);
  } catch (...) {
    ::close(descriptor_);
    throw;
  }
}

CaptureReader::~CaptureReader() {
  ::close(descriptor_);
}

std::string CaptureReader::read(uint64_t position, size_t bytes) const {
  std::string content(bytes, '\0');
  size_t done = 0;
  while (done < bytes) {
    const ssize_t count =
        ::pread(descriptor_, content.data() + done, bytes - done, static_cast<off_t>(position + done));
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) fail(position, fmt::format("expected {} bytes, got {}", bytes, done));
    done += static_cast<size_t>(count);
  }
  return content;
}

void CaptureReader::fail(uint64_t position, const std::string& message) const {
  throw DataError(fmt::format("{}: byte {}: {}", file_.string(), position, message));
}

void CaptureReader::check_file_header() const {
  const std::string begin = read(0, std::min<uint64_t>(size_, kCaptureFileHeaderBytes));
  if (!std::string_view(begin).starts_with(kCaptureMagic)) {
    fail(0, fmt::format("expected a capture file, which begins with {}, got another file", kCaptureMagic));
  }
  if (begin == capture_file_header()) return;
  uint32_t version = 0;
  if (begin.size() >= kCaptureMagic.size() + sizeof(version)) {
    std::memcpy(&version, begin.data() + kCaptureMagic.size(), sizeof(version));
  }
  fail(kCaptureMagic.size(), fmt::format("expected capture version {} with its checksum, got version {} in {} bytes",
                                         kCaptureVersion, version, begin.size()));
}

void CaptureReader::add(const BlockHeader& header, uint64_t position) {
  if (!is_content(header.type)) return;
  if (header.type == BlockType::segment) ++segments_;
  if (segments_ == 0 && damaged_) segments_ = 1;  // its own block may be what was damaged
  if (segments_ == 0) fail(position, "expected a segment to begin, got another block");
  blocks_.push_back({header, position, segments_});
}

bool CaptureReader::open_by_index() {
  try {
    return follow_indexes();
  } catch (const DataError& error) {
    spdlog::warn("{}; the capture is read block by block instead", error.what());
    blocks_.clear();
    segments_ = 0;
    return false;
  }
}

bool CaptureReader::follow_indexes() {
  if (size_ < kCaptureFileHeaderBytes + kBlockHeaderBytes) return false;
  const BlockHeader end = parse_header(read(size_ - kBlockHeaderBytes, kBlockHeaderBytes));
  if (!flaw(end).empty() || end.type != BlockType::end) return false;

  struct Chunk {
    std::string headers;
    uint64_t first;  // position of its first block
  };
  std::vector<Chunk> chunks;  // the last one first
  uint64_t before = size_;
  for (uint64_t position = end.offset; position != 0;) {
    if (position < kCaptureFileHeaderBytes || position > before - kBlockHeaderBytes) {
      fail(position, "expected an index block, got a position outside of what precedes");
    }
    const BlockHeader index = parse_header(read(position, kBlockHeaderBytes));
    const std::string wrong = flaw(index);
    if (!wrong.empty()) fail(position, wrong);
    if (index.type != BlockType::index || index.length % kBlockHeaderBytes != 0 ||
        size_on_disk(index) > before - position) {
      fail(position, "expected an index block, got another");
    }
    std::string headers = content({index, position, 0});
    uint64_t indexed = 0;
    for (size_t at = 0; at < headers.size(); at += kBlockHeaderBytes) {
      const BlockHeader header = parse_header(std::string_view(headers).substr(at));
      if (!flaw(header).empty()) fail(position, "expected an index of blocks, got " + flaw(header));
      indexed += size_on_disk(header);
    }
    if (indexed > position - kCaptureFileHeaderBytes) fail(position, "expected an index of what precedes, got more");
    before = position - indexed;
    chunks.push_back({std::move(headers), before});
    position = index.offset;
  }
  // A recording that was cut off left no index: what lies in front of the first one is looked through.
  scan(kCaptureFileHeaderBytes, before);
  for (auto chunk = chunks.rbegin(); chunk != chunks.rend(); ++chunk) {
    uint64_t position = chunk->first;
    for (size_t at = 0; at < chunk->headers.size(); at += kBlockHeaderBytes) {
      const BlockHeader header = parse_header(std::string_view(chunk->headers).substr(at));
      add(header, position);
      position += size_on_disk(header);
    }
  }
  return true;
}

bool CaptureReader::blank(uint64_t from) const {
  for (uint64_t position = from; position < size_; position += kMaxBlockBytes) {
    const std::string bytes = read(position, std::min<uint64_t>(kMaxBlockBytes, size_ - position));
    if (bytes.find_first_not_of('\0') != std::string::npos) return false;
  }
  return true;
}

bool CaptureReader::whole_block(uint64_t position) const {
  const BlockHeader header = parse_header(read(position, kBlockHeaderBytes));
  return flaw(header).empty() && size_on_disk(header) <= size_ - position &&
         crc32(read(position + kBlockHeaderBytes, header.length)) == header.content_crc;
}

std::optional<uint64_t> CaptureReader::next_block(uint64_t from) const {
  constexpr uint32_t kMagic = BlockHeader::kMagic;
  const std::string_view magic(reinterpret_cast<const char*>(&kMagic), sizeof(kMagic));
  for (uint64_t position = from; position + kBlockHeaderBytes <= size_;) {
    const std::string bytes = read(position, std::min<uint64_t>(kMaxBlockBytes, size_ - position));
    for (size_t at = bytes.find(magic); at <= bytes.size() - kBlockHeaderBytes; at = bytes.find(magic, at + 1)) {
      if (whole_block(position + at)) return position + at;
    }
    position += bytes.size() - (kBlockHeaderBytes - 1);
  }
  return std::nullopt;
}

void CaptureReader::scan(uint64_t from, uint64_t until) {
  const bool to_end = until == size_;
  uint64_t position = from;
  BlockHeader header;
  const auto incomplete = [&](const std::string& why) {
    if (!to_end) fail(position, "expected a whole block, got a part");
    cut_ = fmt::format("byte {}: the recording was cut off: {}", position, why);
    readable_ = position;
  };
  while (position < until && !cut_) {
    if (until - position < kBlockHeaderBytes) {
      incomplete("a block's header is incomplete");
      break;
    }
    header = parse_header(read(position, kBlockHeaderBytes));
    const std::string wrong = flaw(header);
    if (!wrong.empty() && to_end && blank(position)) {
      incomplete("zeros follow");  // as a machine that lost power leaves them
      break;
    }
    if (!wrong.empty()) {
      if (!to_end) fail(position, wrong);
      damaged_ = true;
      const auto next = next_block(position + 1);
      if (!next) {
        cut_ = fmt::format("byte {}: a block is damaged: {}, and no other follows", position, wrong);
        break;
      }
      spdlog::warn("{}: byte {}: {}; {} bytes are passed over", file_.string(), position, wrong, *next - position);
      position = *next;
      continue;
    }
    if (size_on_disk(header) > until - position) {
      incomplete("its last block is incomplete");
      break;
    }
    if (to_end && size_on_disk(header) == until - position &&
        crc32(read(position + kBlockHeaderBytes, header.length)) != header.content_crc) {
      incomplete("its last block is damaged");
      break;
    }
    add(header, position);
    position += size_on_disk(header);
  }
  if (to_end && !cut_ && position > kCaptureFileHeaderBytes && header.type != BlockType::end) {
    cut_ = fmt::format("byte {}: the recording was cut off, or still goes on: its end is not there", position);
  }
}

std::string CaptureReader::content(const CaptureBlock& block) const {
  std::string bytes = read(block.position + kBlockHeaderBytes, block.header.length);
  if (crc32(bytes) != block.header.content_crc) {
    fail(block.position,
         fmt::format("expected a block with checksum {:08x}, got {:08x}", block.header.content_crc, crc32(bytes)));
  }
  return bytes;
}

std::vector<CaptureOrigin> CaptureReader::origins() const {
  std::vector<CaptureOrigin> all;
  for (const auto& block : blocks_) {
    if (block.header.type != BlockType::segment) continue;
    try {
      all.push_back(origin_from(content(block), fmt::format("{}: byte {}", file_.string(), block.position)));
    } catch (const DataError& error) {
      spdlog::warn("{}", error.what());
      all.push_back({.source = "origin damaged"});
    }
  }
  return all;
}

}  // namespace archleak::wire
