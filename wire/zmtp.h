#pragma once
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "wire/codec.h"

namespace archleak::wire {

/// How a ZMTP connection is protected, as its greeting says.
enum class Mechanism {
  unknown,  ///< no greeting was seen
  open,     ///< NULL or PLAIN: frames can be read
  sealed,   ///< CURVE or another: frames are ciphertext
};

/// One thing that went by on a ZMTP connection, in one direction.
struct ZmtpUnit {
  enum class Kind {
    greeting,    ///< the 64 bytes that open a connection; `text` names the mechanism
    command,     ///< `text` is its name: READY, HELLO, PING, ...
    message,     ///< a multipart message in the clear: `frames`
    ciphertext,  ///< a frame of a sealed connection
    unreadable,  ///< bytes that are none of these, or of which some are missing; `text` says why
  };
  Kind kind = Kind::unreadable;
  uint64_t offset = 0;  ///< of its first byte in the stream
  uint64_t bytes = 0;   ///< on the wire, with all that ZMTP adds
  std::string text;
  std::vector<Frame> frames;  ///< the first few; more than a message of ours can have, if more came
};

/// Reads one direction of a ZeroMQ connection as someone on the wire would: ZMTP 3.x
/// (https://rfc.zeromq.org/spec/37/), its greeting, handshake commands, short and long frames.
///
/// Bytes may come in pieces of any size. Nothing that comes in is an error: what cannot be read is reported as such,
/// and reading goes on where the next message of ours begins. Memory grows with the bytes that came, never with what a
/// length field claims, and holds at most one message within the limits.
class ZmtpDecoder {
 public:
  /// Called for each unit as soon as its last byte has come.
  using Sink = std::function<void(ZmtpUnit&&)>;

  /// A stream from its first byte on; `limits` are those of the messages in it.
  explicit ZmtpDecoder(const Limits& limits = {});

  /// A stream of a connection with this mechanism whose next byte, number `offset`, begins a frame.
  ZmtpDecoder(const Limits& limits, Mechanism mechanism, uint64_t offset);

  void feed(std::span<const std::byte> bytes, const Sink& sink);

  /// The next `bytes` of the stream are not known. A message of which only the inside is missing is reported as
  /// unreadable, and reading goes on behind it; else it goes on with the next message of ours that can be recognised.
  void skip(uint64_t bytes, const Sink& sink);

  /// The stream has ended: reports what was left unfinished.
  void finish(const Sink& sink);

  Mechanism mechanism() const { return mechanism_; }

  /// The name that this side gave itself in its handshake (a DEALER's routing id: the worker); empty if none was seen.
  const std::string& identity() const { return identity_; }

 private:
  enum class State { greeting, head, body, lost };

  size_t take_greeting(std::span<const std::byte> bytes, const Sink& sink);
  size_t take_head(std::span<const std::byte> bytes, const Sink& sink);
  size_t take_body(std::span<const std::byte> bytes, const Sink& sink);
  size_t search(std::span<const std::byte> bytes, const Sink& sink);
  void begin_frame(uint64_t offset, uint8_t flags, uint64_t size);
  void end_frame(const Sink& sink);
  void end_command(const Sink& sink);
  void end_message(const Sink& sink);
  void read_properties();
  void lose(const std::string& reason);
  void report_lost(uint64_t until, const Sink& sink);
  void report(const Sink& sink, ZmtpUnit::Kind kind, uint64_t offset, std::string text, std::vector<Frame> frames = {});

  Limits limits_;
  State state_ = State::greeting;
  Mechanism mechanism_ = Mechanism::unknown;
  std::string identity_;
  uint64_t offset_ = 0;  // of the next byte
  std::string head_;     // a greeting or frame head so far; when lost, the last bytes that went by

  uint64_t frame_offset_ = 0;
  uint8_t flags_ = 0;
  uint64_t left_ = 0;  // of the frame's body
  uint64_t kept_ = 0;  // how much of the body is of interest
  std::string body_;

  bool in_message_ = false;  // between the frames of one
  uint64_t message_offset_ = 0;
  uint64_t message_bytes_ = 0;  // of kept frames
  std::vector<Frame> frames_;
  std::string flaw_;  // why the message cannot be read

  uint64_t lost_offset_ = 0;
  std::string lost_reason_;
};

}  // namespace archleak::wire
