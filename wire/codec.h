#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "core/error.h"
#include "wire/message.h"

namespace archleak::wire {

/// What a message may claim before it is refused, both when sent and when received.
struct Limits {
  uint64_t max_payload_bytes = uint64_t{1} << 30;  ///< of the payload frame
  uint64_t max_text_bytes = uint64_t{16} << 20;    ///< of the body frame: all texts and lists of a message together
  uint32_t max_items = uint32_t{1} << 20;          ///< of one list
};

/// One ZeroMQ frame.
using Frame = Payload;

/// How many frames of a multipart message are kept: one more than ours have, so that a longer one is seen to be none.
inline constexpr size_t kKeptFrames = 4;

/// The frames of a message: header, body, and the payload if there is one.
///
/// The header is 24 bytes, little-endian: magic "ALWP", version u16, kind u16, run epoch u64, payload byte count u64.
/// The body is cereal's portable binary form, little-endian, of the fields in their order in wire/message.h. The
/// payload is the raw bytes, shared with the message.
std::vector<Frame> encode(const Message& message, uint64_t epoch);

/// As above. Throws ProtocolError if a receiver with the same limits would refuse the message.
std::vector<Frame> encode(const Message& message, uint64_t epoch, const Limits& limits);

/// A message and what its header says.
struct Decoded {
  uint64_t epoch = 0;
  Message message;
};

/// The frames are those of another protocol version.
class VersionError : public ProtocolError {
 public:
  using ProtocolError::ProtocolError;
};

/// Reads the frames of one message. Throws VersionError for another version, and ProtocolError for anything else that
/// `encode` cannot have produced; takes no more memory than a small multiple of the frames' own size. Only the form is
/// checked: whether rounds, tasks and weights make sense is for the receiver to say.
Decoded decode(std::span<const Frame> frames, const Limits& limits = {});

}  // namespace archleak::wire
