#pragma once
#include <string>
#include <vector>

#include "wire/message.h"
#include "wire/zmtp.h"

namespace archleak::wire::test {

/// Bytes as ZMTP 3.1 writes them, made by hand from the specification (https://rfc.zeromq.org/spec/37/).
std::string zmtp_greeting(const std::string& mechanism = "NULL");
std::string zmtp_frame(uint8_t flags, const std::string& body);  ///< a long frame from 256 bytes on
std::string zmtp_ready(const std::string& identity);
std::string zmtp_message(const Message& message, uint64_t epoch = 1);

/// What a worker called `identity` sends: greeting, READY, then the messages.
std::string zmtp_stream(const std::string& identity, const std::vector<Message>& messages);

/// What a CURVE connection looks like after its handshake: frames that only the two ends can read.
std::string zmtp_sealed_stream(const std::vector<std::string>& boxes);

/// All units in a stream that is fed `piece` bytes at a time, and then ends.
std::vector<ZmtpUnit> zmtp_units(const std::string& stream, size_t piece = 1 << 20, const Limits& limits = {});

std::span<const std::byte> as_bytes(std::string_view text);

}  // namespace archleak::wire::test
