#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <string>

#include "attacks/eavesdropper/packet.h"
#include "core/error.h"
#include "tests/fuzz/capture_input.h"
#include "wire/capture_messages.h"

namespace {

using namespace archleak;
using namespace archleak::wire;

/// Reads a capture file to its end; whatever is wrong with it is a DataError.
void read_capture(const std::string& bytes) {
  const int descriptor = ::memfd_create("capture", MFD_CLOEXEC);
  if (descriptor < 0 || ::write(descriptor, bytes.data(), bytes.size()) != static_cast<ssize_t>(bytes.size())) {
    std::abort();
  }
  try {
    const CaptureReader reader("/proc/self/fd/" + std::to_string(descriptor));
    CaptureMessages units(reader);
    while (units.next()) {
    }
    reader.origins();
  } catch (const DataError&) {
  }
  ::close(descriptor);
}

/// Reads a ZMTP stream in pieces, some of which are missing; every byte must be accounted for.
void read_stream(std::string_view input) {
  constexpr size_t kPiece = 64;
  const Limits limits{.max_payload_bytes = 1 << 16, .max_text_bytes = 1 << 16, .max_items = 100};
  uint64_t offset = 0;
  const auto sink = [&](ZmtpUnit&& unit) {
    if (unit.offset != offset) std::abort();
    offset += unit.bytes;
    if (unit.kind != ZmtpUnit::Kind::message) return;
    try {
      decode(unit.frames, limits);
    } catch (const ProtocolError&) {
    }
  };
  ZmtpDecoder decoder(limits);
  uint64_t size = 0;
  while (!input.empty()) {
    const std::string_view piece = input.substr(0, kPiece);
    input.remove_prefix(piece.size());
    size += piece.size();
    if (piece[0] == 'S') {
      decoder.skip(piece.size(), sink);
    } else {
      decoder.feed(std::as_bytes(std::span(piece)), sink);
    }
  }
  decoder.finish(sink);
  if (offset != size) std::abort();
}

void read_packets(std::string_view input) {
  for (const int link : {0, 1, 12, 101, 108, 113, 228, 229, 276}) {
    const auto packet = attacks::parse_packet(link, input);
    if (packet && packet->bytes.size() > input.size()) std::abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::string input(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (static_cast<wire::test::CaptureInput>(data[0] % wire::test::kCaptureInputs)) {
    case wire::test::CaptureInput::file:
      read_capture(input);
      break;
    case wire::test::CaptureInput::blocks:
      read_capture(wire::test::sealed_blocks(input));
      break;
    case wire::test::CaptureInput::stream:
      read_stream(input);
      break;
    case wire::test::CaptureInput::packet:
      read_packets(input);
  }
  return 0;
}
