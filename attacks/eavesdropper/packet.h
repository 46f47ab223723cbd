#pragma once
#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace archleak::attacks {

/// One end of a TCP connection.
struct TcpEnd {
  std::array<uint8_t, 16> address{};  ///< IPv4: the first four bytes
  bool six = false;                   ///< IPv6
  uint16_t port = 0;
  auto operator<=>(const TcpEnd&) const = default;

  /// "192.0.2.1:5555" or "[2001:db8::1]:5555".
  std::string text() const;
};

/// What one packet carries of a TCP connection.
struct TcpPacket {
  TcpEnd from;
  TcpEnd to;
  uint32_t sequence = 0;  ///< of the first byte, or of the SYN
  bool syn = false;
  bool ack = false;
  bool fin = false;
  bool reset = false;
  std::string_view bytes;  ///< a view into the packet
  uint64_t snapped = 0;    ///< further bytes that were sent, but not recorded
};

/// Whether packets of this link type (DLT_*, see `man pcap-linktype`) can be parsed: Ethernet, Linux cooked, loopback
/// and raw IP.
bool knows_link(int link_type);

/// The TCP part of a packet of a known link type: IPv4 or IPv6, with or without VLAN tags. Nothing for other packets,
/// for fragments, and for packets cut off within their headers.
std::optional<TcpPacket> parse_packet(int link_type, std::string_view packet);

}  // namespace archleak::attacks
