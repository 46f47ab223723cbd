#include "tests/wire/zmtp_stream.h"

#include "wire/codec.h"

namespace archleak::wire::test {
namespace {

std::string big_endian(uint64_t value, int bytes) {
  std::string text;
  for (int i = bytes - 1; i >= 0; --i) text += static_cast<char>(value >> (8 * i));
  return text;
}

std::string property(const std::string& name, const std::string& value) {
  return big_endian(name.size(), 1) + name + big_endian(value.size(), 4) + value;
}

}  // namespace

std::string zmtp_greeting(const std::string& mechanism) {
  std::string greeting = "\xff";
  greeting.append(8, '\0').append("\x7f\x03\x01").append(mechanism);
  greeting.resize(64, '\0');
  return greeting;
}

std::string zmtp_frame(uint8_t flags, const std::string& body) {
  if (body.size() < 256) return big_endian(flags, 1) + big_endian(body.size(), 1) + body;
  return big_endian(flags | 2, 1) + big_endian(body.size(), 8) + body;
}

std::string zmtp_ready(const std::string& identity) {
  return zmtp_frame(4, std::string("\x05READY") + property("Socket-Type", "DEALER") + property("Identity", identity));
}

std::string zmtp_message(const Message& message, uint64_t epoch) {
  const auto frames = encode(message, epoch);
  std::string text;
  for (size_t i = 0; i < frames.size(); ++i) {
    text +=
        zmtp_frame(i + 1 < frames.size() ? 1 : 0, {reinterpret_cast<const char*>(frames[i].data()), frames[i].bytes()});
  }
  return text;
}

std::string zmtp_stream(const std::string& identity, const std::vector<Message>& messages) {
  std::string stream = zmtp_greeting() + zmtp_ready(identity);
  for (const auto& message : messages) stream += zmtp_message(message);
  return stream;
}

std::string zmtp_sealed_stream(const std::vector<std::string>& boxes) {
  std::string stream = zmtp_greeting("CURVE") + zmtp_frame(4, std::string("\x05HELLO") + std::string(194, 'x'));
  for (const auto& box : boxes) stream += zmtp_frame(0, std::string("\x07MESSAGE") + box);
  return stream;
}

std::vector<ZmtpUnit> zmtp_units(const std::string& stream, size_t piece, const Limits& limits) {
  std::vector<ZmtpUnit> units;
  const auto sink = [&units](ZmtpUnit&& unit) { units.push_back(std::move(unit)); };
  ZmtpDecoder decoder(limits);
  for (size_t at = 0; at < stream.size(); at += piece) {
    decoder.feed(as_bytes(std::string_view(stream).substr(at, piece)), sink);
  }
  decoder.finish(sink);
  return units;
}

std::span<const std::byte> as_bytes(std::string_view text) {
  return std::as_bytes(std::span(text));
}

}  // namespace archleak::wire::test
