#pragma once
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "wire/capture_format.h"

namespace archleak::wire {

/// A block and where it is.
struct CaptureBlock {
  BlockHeader header;
  uint64_t position = 0;  ///< of the header in the file
  uint32_t segment = 0;   ///< number of the recording, from 1 on
};

/// The blocks of a capture file: all recordings (segments) one after the other, without index and end blocks.
///
/// A finished file is opened by its index; one that was cut off, is still being written, or whose index is damaged, by
/// going through it. Memory grows with the number of blocks really in the file.
class CaptureReader {
 public:
  /// Throws DataError for a file that is missing, no capture, or of another version. Where an index is damaged, the
  /// blocks are gone through, and damaged ones passed over.
  explicit CaptureReader(const std::filesystem::path& file);
  ~CaptureReader();
  CaptureReader(const CaptureReader&) = delete;
  CaptureReader& operator=(const CaptureReader&) = delete;

  const std::vector<CaptureBlock>& blocks() const { return blocks_; }

  /// The content of a block. Throws DataError if its checksum is wrong.
  std::string content(const CaptureBlock& block) const;

  /// The origin of each segment; where its block is damaged, the source says so.
  std::vector<CaptureOrigin> origins() const;

  /// Why the file is not read to its end, if so: the last recording was cut off or is still going on, or nothing but
  /// damaged bytes follows.
  const std::optional<std::string>& cut() const { return cut_; }

  /// Whether a block's header was damaged, so that the reader went on at the next whole block. Nothing should be
  /// written to such a file.
  bool damaged() const { return damaged_; }

  /// Bytes of the file up to an incomplete block at its end.
  uint64_t readable_bytes() const { return readable_; }

  const std::filesystem::path& file() const { return file_; }

 private:
  std::string read(uint64_t position, size_t bytes) const;
  void check_file_header() const;
  bool open_by_index();
  bool follow_indexes();
  bool blank(uint64_t from) const;
  bool whole_block(uint64_t position) const;
  /// Where the first whole block from `from` on is. The copies of headers in an index have no content behind them.
  std::optional<uint64_t> next_block(uint64_t from) const;
  void scan(uint64_t from, uint64_t until);
  void add(const BlockHeader& header, uint64_t position);
  [[noreturn]] void fail(uint64_t position, const std::string& message) const;

  std::filesystem::path file_;
  int descriptor_ = -1;
  uint64_t size_ = 0;
  uint64_t readable_ = 0;
  uint32_t segments_ = 0;
  std::vector<CaptureBlock> blocks_;
  std::optional<std::string> cut_;
  bool damaged_ = false;
};

}  // namespace archleak::wire
