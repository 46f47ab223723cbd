#pragma once
#include <compare>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "wire/capture_reader.h"
#include "wire/message.h"
#include "wire/zmtp.h"

namespace archleak::wire {

/// One direction of one connection of a capture.
struct StreamId {
  uint32_t segment = 0;
  uint32_t connection = 0;
  Direction direction = Direction::none;
  auto operator<=>(const StreamId&) const = default;
};

/// Where something is in a capture.
struct CapturePlace {
  StreamId stream;
  uint64_t offset = 0;  ///< of its first byte in the stream
  uint64_t bytes = 0;   ///< on the wire, with all that ZMTP adds
};

/// What went by, as far as someone on the wire can tell.
struct CapturedUnit {
  CapturePlace place;
  int64_t time_ns = 0;  ///< when its last byte went by, since 1970, UTC
  std::string worker;   ///< the name in the connection's handshake; empty under CURVE, or if it was not recorded
  ZmtpUnit::Kind kind = ZmtpUnit::Kind::unreadable;
  std::string note;                ///< name of a command or mechanism; why it is unreadable
  std::optional<Message> message;  ///< kind message only
  uint64_t epoch = 0;              ///< from the message's header

  /// "model", "outcome", ...; for what is no message of ours "greeting", "command", "ciphertext" or "unreadable".
  std::string name() const;
};

/// The messages of a capture, in the order in which their last bytes went by. `reader` must outlive it.
///
/// Frames in the clear that are no message of ours are unreadable, with the reason. Holds one unfinished message for
/// each open stream.
class CaptureMessages {
 public:
  explicit CaptureMessages(const CaptureReader& reader, const Limits& limits = {});

  /// The next one; nothing at the end. Bytes of a block whose checksum is wrong are missing, as if they had not been
  /// recorded, and the log says so. Throws DataError where blocks contradict each other; what came before them has been
  /// returned.
  std::optional<CapturedUnit> next();

 private:
  struct Stream {
    ZmtpDecoder decoder;
    uint64_t offset = 0;  // of the next byte
  };

  void take(const CaptureBlock& block);
  void finish(const StreamId& id, Stream& stream);
  void finish_all();
  Stream& stream(const StreamId& id);
  void skip_to(const CaptureBlock& block, const StreamId& id, Stream& stream);
  ZmtpDecoder::Sink sink(const StreamId& id);

  const CaptureReader& reader_;
  Limits limits_;
  size_t next_block_ = 0;
  int64_t time_ns_ = 0;
  std::string content_;  // of the data block at hand
  size_t fed_ = 0;       // of it
  StreamId current_;
  std::map<StreamId, Stream> streams_;
  std::deque<CapturedUnit> ready_;
};

/// Finds single messages of a capture again, without reading the rest. `reader` must outlive it.
class CaptureLookup {
 public:
  explicit CaptureLookup(const CaptureReader& reader, const Limits& limits = {});

  /// The message at `place`, which came from a CapturedUnit with a message. Throws DataError if there is none.
  Message message(const CapturePlace& place) const;

 private:
  const CaptureReader& reader_;
  Limits limits_;
  std::map<StreamId, std::vector<const CaptureBlock*>> data_;  // by offset
};

}  // namespace archleak::wire
