#pragma once
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

#include "wire/capture_format.h"
#include "wire/capture_writer.h"

namespace archleak::attacks {

/// Something to be written to a capture.
struct Record {
  wire::BlockType type = wire::BlockType::data;  ///< open, data, gap or close
  wire::Direction direction = wire::Direction::none;
  uint32_t connection = 0;
  int64_t time_ns = 0;
  uint64_t offset = 0;  ///< in the stream
  uint64_t lost = 0;    ///< gap: bytes
  std::string bytes;    ///< data: of the stream; open: the peer's address
};

/// Writes `record` to a capture file. Throws Error if the disk fails.
void write_record(wire::CaptureWriter& writer, const Record& record);

/// What became of what was to be recorded.
struct RecordedBytes {
  uint64_t recorded = 0;
  uint64_t lost = 0;         ///< never got into the capture; gaps in it say where
  std::string disk_failure;  ///< why nothing was written from some point on; empty if all was
};

/// Takes what goes by and writes it in a thread of its own, through a queue of bounded size: whoever reports bytes
/// never waits for the disk. When the disk is too slow, bytes are left out of the recording; a gap in it, a warning in
/// the log and `end` say how many.
class Recorder {
 public:
  /// `write` is called on the recorder's thread, one record at a time; what it throws ends the recording.
  /// `queue_bytes`: how much may wait for the disk.
  Recorder(std::function<void(const Record&)> write, uint64_t queue_bytes);

  /// Ends, if that was not done.
  ~Recorder();
  Recorder(const Recorder&) = delete;
  Recorder& operator=(const Recorder&) = delete;

  /// These return at once. Bytes of a stream come in order; `time_ns` is taken here.
  void open(uint32_t connection, const std::string& peer);
  void data(uint32_t connection, wire::Direction direction, std::string_view bytes);
  void close(uint32_t connection, wire::Direction direction);

  /// Waits until all that is in the queue is written, and says how it went. Nothing may come after it.
  RecordedBytes end();

 private:
  struct Stream {
    uint64_t offset = 0;  // of the next byte
    uint64_t lost = 0;    // left out since the last record
  };
  using StreamId = std::pair<uint32_t, wire::Direction>;

  bool has_room(uint64_t bytes);
  void count_lost(uint64_t bytes);
  /// Whether the record was taken.
  bool push(Record record);
  void note_gap(const StreamId& id, Stream& stream);
  void write_all();

  const std::function<void(const Record&)> write_;
  const uint64_t queue_bytes_;
  std::map<StreamId, Stream> streams_;  // of the reporting thread

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Record> queue_;
  uint64_t waiting_bytes_ = 0;
  bool ending_ = false;
  RecordedBytes bytes_;
  std::thread thread_;
};

}  // namespace archleak::attacks
