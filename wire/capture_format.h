#pragma once
#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace archleak::wire {

/// The layout of capture files (docs/capture.md), shared by writer and reader.

inline constexpr std::string_view kCaptureMagic = "ALCAPTUR";
inline constexpr uint32_t kCaptureVersion = 1;
inline constexpr size_t kCaptureFileHeaderBytes = 16;  ///< magic, version u32, CRC-32 u32 of both

/// A block's content may not be longer; what is read at once is bounded by it.
inline constexpr uint32_t kMaxBlockBytes = 1 << 20;

enum class BlockType : uint16_t {
  segment = 1,  ///< a recording begins: its origin
  open = 2,     ///< a connection: content is the peer's address
  data = 3,     ///< bytes of a stream
  gap = 4,      ///< bytes of a stream that were not recorded: content is their number, u64
  close = 5,    ///< a stream has ended
  index = 6,    ///< the headers of the blocks since the last index
  end = 7,      ///< the recording was finished: last block of a segment
};

/// Which way bytes went.
enum class Direction : uint16_t {
  none = 0,
  up = 1,    ///< from the side that connected: a worker
  down = 2,  ///< from the side that listens: the coordinator
};

/// What stands in front of each block's content; little-endian, without padding.
struct BlockHeader {
  uint32_t magic = kMagic;
  BlockType type = BlockType::data;
  Direction direction = Direction::none;
  uint32_t connection = 0;   ///< from 1 on within a segment
  uint32_t length = 0;       ///< of the content, in bytes
  int64_t time_ns = 0;       ///< since 1970, UTC
  uint64_t offset = 0;       ///< in the stream; index: position of the previous one, or 0; end: of the last
  uint32_t content_crc = 0;  ///< CRC-32 of the content
  uint32_t header_crc = 0;   ///< CRC-32 of the header in front of this field
  bool operator==(const BlockHeader&) const = default;

  static constexpr uint32_t kMagic = 0x4b424c41;  // "ALBK"
};
static_assert(sizeof(BlockHeader) == 40);

inline constexpr size_t kBlockHeaderBytes = sizeof(BlockHeader);

/// Fills in length and checksums.
void seal(BlockHeader& header, std::string_view content);

/// The header in these 40 bytes; whether it is one is for `flaw` to say.
BlockHeader parse_header(std::string_view bytes);

/// Why this cannot be a block's header; empty if it can.
std::string flaw(const BlockHeader& header);

/// CRC-32 as in zlib and PNG.
uint32_t crc32(std::string_view bytes);

/// The 16 bytes that a file begins with.
std::string capture_file_header();

/// Where a recording comes from: the content of a segment block.
struct CaptureOrigin {
  std::string source;           ///< "tap", or the name of an imported file
  std::string listen;           ///< the address that workers connect to; empty if unknown
  std::string connect;          ///< the coordinator's; empty if unknown
  std::string program_version;  ///< of archleak
  bool operator==(const CaptureOrigin&) const = default;
};
std::string to_content(const CaptureOrigin& origin);

/// Throws DataError, beginning with `where`.
CaptureOrigin origin_from(std::string_view content, const std::string& where);

}  // namespace archleak::wire
