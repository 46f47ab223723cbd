#pragma once
#include <cstdint>
#include <string>
#include <string_view>

namespace archleak::wire::test {

/// What the first byte of an input says that the rest is.
enum class CaptureInput : uint8_t {
  file,    ///< a capture file
  blocks,  ///< the blocks of one, whose checksums are put right first
  stream,  ///< a ZMTP stream
  packet,  ///< a packet as in a pcap file
};
inline constexpr uint8_t kCaptureInputs = 4;

/// A capture file whose checksums hold, from an input of kind `blocks`: each block is type, direction, connection,
/// offset and content size (a byte each) and its content.
std::string sealed_blocks(std::string_view input);

}  // namespace archleak::wire::test
