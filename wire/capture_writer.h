#pragma once
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include "wire/capture_format.h"

namespace archleak::wire {

/// Appends one recording, a segment, to a capture file. Belongs to one thread.
///
/// Each call writes whole blocks to the file at once, so a process that is killed loses nothing that was written. What
/// `finish` adds (index and end) makes reading quick; without it the file is read all the same. Where the disk fails,
/// the recording ends in front of the block that was not written.
class CaptureWriter {
 public:
  /// Creates `file`, or begins a new segment in the capture that it holds; an incomplete block at its end is cut away.
  /// Throws DataError if it holds something else, Error if it cannot be written.
  CaptureWriter(const std::filesystem::path& file, const CaptureOrigin& origin);

  /// Finishes, if that was not done, and logs an error where `finish` would throw it.
  ~CaptureWriter();
  CaptureWriter(const CaptureWriter&) = delete;
  CaptureWriter& operator=(const CaptureWriter&) = delete;

  /// A connection from `peer` (an address, for the reader's eyes). All of these throw Error if the disk fails.
  void open(uint32_t connection, const std::string& peer, int64_t time_ns);

  /// Bytes number `offset` and on of a stream; any number.
  void data(uint32_t connection, Direction direction, uint64_t offset, std::string_view bytes, int64_t time_ns);

  /// `lost` bytes of a stream from number `offset` on went by unrecorded.
  void gap(uint32_t connection, Direction direction, uint64_t offset, uint64_t lost, int64_t time_ns);

  /// A stream has ended after `offset` bytes.
  void close(uint32_t connection, Direction direction, uint64_t offset, int64_t time_ns);

  /// Writes index and end, and returns when all is on the disk. Nothing may be written after it.
  void finish();

 private:
  void append(BlockHeader header, std::string_view content);
  void give_up();
  void write_index();

  std::filesystem::path file_;
  int descriptor_ = -1;
  uint64_t position_ = 0;    // of the next block in the file
  uint64_t last_index_ = 0;  // position; 0: none
  std::string unindexed_;    // headers
};

/// Nanoseconds since 1970, UTC.
int64_t capture_clock();

}  // namespace archleak::wire
