#include "wire/zmtp.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <cstring>
#include <string_view>
#include <utility>

#include "core/printable.h"

namespace archleak::wire {
namespace {

constexpr size_t kGreetingBytes = 64;
constexpr size_t kSignatureBytes = 10;
constexpr size_t kMechanismAt = 12;
constexpr size_t kMechanismBytes = 20;
constexpr uint8_t kMajorVersion = 3;

constexpr uint8_t kMore = 1;
constexpr uint8_t kLong = 2;
constexpr uint8_t kCommand = 4;
constexpr size_t kShortHead = 2;
constexpr size_t kLongHead = 9;

constexpr uint64_t kKeptCommandBytes = 64 << 10;
constexpr uint64_t kKeptMessageBytes = 256;  // of a frame in front of the payload, besides the limits

/// The first frame of a message in the clear: more to come, 24 bytes, and the magic (wire/codec.h).
constexpr std::string_view kOpenMark(
    "\x01\x18"
    "ALWP",
    6);
/// The first bytes in the body of a CURVE frame.
constexpr std::string_view kSealedMark("\x07MESSAGE", 8);
constexpr size_t kSearchWindow = kLongHead + kSealedMark.size();

std::string_view view(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

uint64_t big_endian(std::string_view bytes) {
  uint64_t value = 0;
  for (const char byte : bytes) value = value << 8 | static_cast<uint8_t>(byte);
  return value;
}

}  // namespace

ZmtpDecoder::ZmtpDecoder(const Limits& limits) : limits_(limits) {}

ZmtpDecoder::ZmtpDecoder(const Limits& limits, Mechanism mechanism, uint64_t offset)
    : limits_(limits), state_(State::head), mechanism_(mechanism), offset_(offset), frame_offset_(offset) {}

void ZmtpDecoder::feed(std::span<const std::byte> bytes, const Sink& sink) {
  while (!bytes.empty()) {
    size_t taken = 0;
    switch (state_) {
      case State::greeting:
        taken = take_greeting(bytes, sink);
        break;
      case State::head:
        taken = take_head(bytes, sink);
        break;
      case State::body:
        taken = take_body(bytes, sink);
        break;
      case State::lost:
        taken = search(bytes, sink);
    }
    bytes = bytes.subspan(taken);
  }
}

size_t ZmtpDecoder::take_greeting(std::span<const std::byte> bytes, const Sink& sink) {
  const size_t taken = std::min(bytes.size(), kGreetingBytes - head_.size());
  head_ += view(bytes.first(taken));
  offset_ += taken;
  if (head_[0] != '\xff' || (head_.size() >= kSignatureBytes && head_[kSignatureBytes - 1] != '\x7f')) {
    const std::string seen = std::exchange(head_, {});
    offset_ -= seen.size();
    lose("expected a ZMTP greeting, got other bytes");
    feed(std::as_bytes(std::span(seen)), sink);  // perhaps a message is in them
    return taken;
  }
  if (head_.size() < kGreetingBytes) return taken;
  const auto major = static_cast<uint8_t>(head_[kSignatureBytes]);
  std::string name = head_.substr(kMechanismAt, kMechanismBytes);
  name.erase(std::min(name.find('\0'), name.size()));
  head_.clear();
  if (major < kMajorVersion) {
    lose(fmt::format("expected ZMTP {} or later, got version {}", kMajorVersion, major));
    lost_offset_ = 0;
    return taken;
  }
  mechanism_ = name == "NULL" || name == "PLAIN" ? Mechanism::open : Mechanism::sealed;
  report(sink, ZmtpUnit::Kind::greeting, 0, printable(name));
  state_ = State::head;
  frame_offset_ = offset_;
  return taken;
}

size_t ZmtpDecoder::take_head(std::span<const std::byte> bytes, const Sink& sink) {
  if (head_.empty()) frame_offset_ = offset_;
  head_ += view(bytes.first(1));
  ++offset_;
  const auto flags = static_cast<uint8_t>(head_[0]);
  if ((flags & ~(kMore | kLong | kCommand)) != 0 || (flags & (kMore | kCommand)) == (kMore | kCommand)) {
    lose(fmt::format("expected a frame, got the flags {:#04x}", flags));
    return 1;
  }
  if (head_.size() < ((flags & kLong) ? kLongHead : kShortHead)) return 1;
  const uint64_t size = big_endian(std::string_view(head_).substr(1));
  if (size >> 63) {
    lose(fmt::format("expected a frame, got one of {} bytes", size));
    return 1;
  }
  begin_frame(frame_offset_, flags, size);
  if (left_ == 0) end_frame(sink);
  return 1;
}

void ZmtpDecoder::begin_frame(uint64_t offset, uint8_t flags, uint64_t size) {
  head_.clear();
  body_.clear();
  state_ = State::body;
  frame_offset_ = offset;
  flags_ = flags;
  left_ = size;
  if (flags & kCommand) {
    kept_ = kKeptCommandBytes;
    return;
  }
  if (mechanism_ == Mechanism::sealed) {
    kept_ = 0;
    return;
  }
  if (!in_message_) {
    in_message_ = true;
    message_offset_ = offset;
    message_bytes_ = 0;
  }
  const uint64_t most = limits_.max_payload_bytes + limits_.max_text_bytes + kKeptMessageBytes;
  if (size > most - message_bytes_ && flaw_.empty()) {
    flaw_ = fmt::format("expected a message of at most {} bytes, got a frame of {}", most, size);
    frames_.clear();
  }
  kept_ = flaw_.empty() && frames_.size() < kKeptFrames ? size : 0;
  message_bytes_ += kept_;
}

size_t ZmtpDecoder::take_body(std::span<const std::byte> bytes, const Sink& sink) {
  const auto taken = static_cast<size_t>(std::min<uint64_t>(bytes.size(), left_));
  if (body_.size() < kept_) body_ += view(bytes.first(std::min<uint64_t>(taken, kept_ - body_.size())));
  offset_ += taken;
  left_ -= taken;
  if (left_ == 0) end_frame(sink);
  return taken;
}

void ZmtpDecoder::end_frame(const Sink& sink) {
  state_ = State::head;
  if (flags_ & kCommand) {
    if (!in_message_) end_command(sink);  // else its bytes count with the message that it interrupts
    return;
  }
  if (mechanism_ == Mechanism::sealed) return report(sink, ZmtpUnit::Kind::ciphertext, frame_offset_, {});
  if (flaw_.empty() && frames_.size() < kKeptFrames) frames_.push_back(Payload::own(std::exchange(body_, {})));
  if (!(flags_ & kMore)) end_message(sink);
}

void ZmtpDecoder::end_message(const Sink& sink) {
  in_message_ = false;
  auto frames = std::exchange(frames_, {});
  const std::string flaw = std::exchange(flaw_, {});
  if (flaw.empty()) {
    report(sink, ZmtpUnit::Kind::message, message_offset_, {}, std::move(frames));
  } else {
    report(sink, ZmtpUnit::Kind::unreadable, message_offset_, flaw);
  }
}

void ZmtpDecoder::end_command(const Sink& sink) {
  const size_t length = body_.empty() ? 0 : static_cast<uint8_t>(body_[0]);
  if (length == 0 || length + 1 > body_.size()) {
    return report(sink, ZmtpUnit::Kind::unreadable, frame_offset_, "expected a command with a name, got one without");
  }
  const std::string name = printable(std::string_view(body_).substr(1, length));
  if (mechanism_ == Mechanism::sealed && name == "MESSAGE") {
    return report(sink, ZmtpUnit::Kind::ciphertext, frame_offset_, {});
  }
  if (mechanism_ == Mechanism::open && name == "READY") {
    body_.erase(0, 1 + length);
    read_properties();
  }
  report(sink, ZmtpUnit::Kind::command, frame_offset_, name);
}

void ZmtpDecoder::read_properties() {
  std::string_view left = body_;
  while (!left.empty()) {
    const size_t name_length = static_cast<uint8_t>(left[0]);
    if (left.size() < 1 + name_length + 4) return;
    const std::string_view name = left.substr(1, name_length);
    const uint64_t length = big_endian(left.substr(1 + name_length, 4));
    left.remove_prefix(1 + name_length + 4);
    if (length > left.size()) return;
    if (name == "Identity") identity_ = left.substr(0, length);
    left.remove_prefix(length);
  }
}

void ZmtpDecoder::skip(uint64_t bytes, const Sink& sink) {
  if (bytes == 0) return;
  const std::string reason = fmt::format("{} bytes of it are missing", bytes);
  if (state_ == State::body && bytes <= left_) {
    offset_ += bytes;
    left_ -= bytes;
    if (flags_ & kCommand) {
      body_.clear();
    } else if (mechanism_ != Mechanism::sealed && flaw_.empty()) {
      flaw_ = reason;
      frames_.clear();
      body_.clear();
    }
    kept_ = 0;
    if (left_ == 0) end_frame(sink);
    return;
  }
  if (state_ == State::lost) {
    head_.clear();
  } else {
    lose(reason);
  }
  offset_ += bytes;
}

void ZmtpDecoder::finish(const Sink& sink) {
  const bool unfinished = state_ == State::body || in_message_ || !head_.empty();
  if (state_ != State::lost && unfinished) lose("the stream ends within it");
  if (state_ == State::lost) report_lost(offset_, sink);
  state_ = State::head;
  head_.clear();
}

void ZmtpDecoder::lose(const std::string& reason) {
  const bool in_frame = state_ == State::body || !head_.empty();
  lost_offset_ = in_message_ ? message_offset_ : in_frame ? (state_ == State::greeting ? 0 : frame_offset_) : offset_;
  lost_reason_ = reason;
  state_ = State::lost;
  in_message_ = false;
  head_.clear();
  body_.clear();
  frames_.clear();
  flaw_.clear();
}

void ZmtpDecoder::report_lost(uint64_t until, const Sink& sink) {
  if (until == lost_offset_) return;
  sink({.kind = ZmtpUnit::Kind::unreadable,
        .offset = lost_offset_,
        .bytes = until - lost_offset_,
        .text = lost_reason_,
        .frames = {}});
}

size_t ZmtpDecoder::search(std::span<const std::byte> bytes, const Sink& sink) {
  for (size_t i = 0; i < bytes.size(); ++i) {
    if (head_.size() == kSearchWindow) head_.erase(0, 1);
    head_ += static_cast<char>(bytes[i]);
    ++offset_;
    const std::string_view window = head_;
    if (mechanism_ != Mechanism::sealed && window.ends_with(kOpenMark)) {
      const uint64_t begin = offset_ - kOpenMark.size();
      const std::string body(kOpenMark.substr(kShortHead));
      report_lost(begin, sink);
      mechanism_ = Mechanism::open;
      begin_frame(begin, kMore, static_cast<uint8_t>(kOpenMark[1]));
      body_ = body;
      left_ -= body.size();
    } else if (mechanism_ != Mechanism::open && window.ends_with(kSealedMark)) {
      const std::string_view before = window.substr(0, window.size() - kSealedMark.size());
      uint64_t begin = offset_ - kSealedMark.size();
      uint8_t flags = 0;
      uint64_t size = 0;
      if (before.size() == kLongHead && (before[0] & ~kCommand) == kLong) {
        flags = static_cast<uint8_t>(before[0]);
        size = big_endian(before.substr(1));
        begin -= kLongHead;
      } else if (before.size() >= kShortHead && (before[before.size() - 2] & ~kCommand) == 0) {
        flags = static_cast<uint8_t>(before[before.size() - 2]);
        size = static_cast<uint8_t>(before.back());
        begin -= kShortHead;
      }
      if (size <= kSealedMark.size() || size >> 63) continue;
      report_lost(begin, sink);
      mechanism_ = Mechanism::sealed;
      begin_frame(begin, flags, size);
      left_ -= kSealedMark.size();
    } else {
      continue;
    }
    return i + 1;
  }
  return bytes.size();
}

void ZmtpDecoder::report(const Sink& sink, ZmtpUnit::Kind kind, uint64_t offset, std::string text,
                         std::vector<Frame> frames) {
  sink({.kind = kind,
        .offset = offset,
        .bytes = offset_ - offset,
        .text = std::move(text),
        .frames = std::move(frames)});
}

}  // namespace archleak::wire
