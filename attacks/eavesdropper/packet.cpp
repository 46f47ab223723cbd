#include "attacks/eavesdropper/packet.h"

#include <arpa/inet.h>
#include <pcap/dlt.h>
#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <cstring>

namespace archleak::attacks {
namespace {

constexpr uint16_t kIpv4 = 0x0800;
constexpr uint16_t kIpv6 = 0x86dd;
constexpr uint16_t kVlan = 0x8100;
constexpr uint16_t kServiceVlan = 0x88a8;
constexpr uint8_t kTcp = 6;

/// Takes bytes from the front, if they are there.
class Cursor {
 public:
  explicit Cursor(std::string_view left) : left_(left) {}

  std::string_view take(size_t size) {
    if (size > left_.size()) {
      short_ = true;
      return {};
    }
    const std::string_view taken = left_.substr(0, size);
    left_.remove_prefix(size);
    return taken;
  }
  uint32_t number(size_t size) {
    uint32_t value = 0;
    for (const char byte : take(size)) value = value << 8 | static_cast<uint8_t>(byte);
    return value;
  }
  uint8_t u8() { return static_cast<uint8_t>(number(1)); }
  uint16_t u16() { return static_cast<uint16_t>(number(2)); }
  uint32_t u32() { return number(4); }
  bool is_short() const { return short_; }
  std::string_view left() const { return left_; }
  size_t size() const { return left_.size(); }

 private:
  std::string_view left_;
  bool short_ = false;
};

/// The version of IP that a packet claims; 0 if it is too short.
uint16_t type_by_version(const Cursor& cursor) {
  if (cursor.size() == 0) return 0;
  const int version = static_cast<uint8_t>(cursor.left()[0]) >> 4;
  return version == 4 ? kIpv4 : version == 6 ? kIpv6 : 0;
}

/// Takes the link layer's header; returns the type of what is in it.
uint16_t take_link(int link_type, Cursor& cursor) {
  uint16_t type = 0;
  switch (link_type) {
    case DLT_EN10MB:
      cursor.take(12);
      type = cursor.u16();
      break;
    case DLT_LINUX_SLL:
      cursor.take(14);
      type = cursor.u16();
      break;
    case DLT_LINUX_SLL2:
      type = cursor.u16();
      cursor.take(18);
      break;
    case DLT_NULL:
    case DLT_LOOP:
      cursor.take(4);  // a number for the protocol that differs from system to system
      return type_by_version(cursor);
    case DLT_RAW:
    case DLT_IPV4:
    case DLT_IPV6:
      return type_by_version(cursor);
    default:
      return 0;
  }
  while (type == kVlan || type == kServiceVlan) {
    cursor.take(2);
    type = cursor.u16();
  }
  return type;
}

void set_address(TcpEnd& end, std::string_view address) {
  end.six = address.size() == 16;
  std::memcpy(end.address.data(), address.data(), address.size());
}

/// Takes the header of IPv4; returns how many bytes the packet has behind it, or nothing if it is no whole TCP packet.
std::optional<uint64_t> take_ipv4(Cursor& cursor, TcpPacket& packet) {
  const size_t header = (cursor.u8() & 15u) * 4;
  cursor.u8();
  const uint64_t total = cursor.u16();
  cursor.u16();
  const uint16_t fragment = cursor.u16();
  cursor.u8();
  const uint8_t protocol = cursor.u8();
  cursor.u16();
  const std::string_view from = cursor.take(4);
  const std::string_view to = cursor.take(4);
  if (cursor.is_short() || header < 20 || protocol != kTcp || (fragment & 0x3fff) != 0) return std::nullopt;
  set_address(packet.from, from);
  set_address(packet.to, to);
  cursor.take(header - 20);
  if (total == 0) return cursor.size();  // larger than 64 KiB, put together by the network card
  return total >= header ? std::optional(total - header) : std::nullopt;
}

std::optional<uint64_t> take_ipv6(Cursor& cursor, TcpPacket& packet) {
  cursor.u32();
  uint64_t length = cursor.u16();
  uint8_t next = cursor.u8();
  cursor.u8();
  const std::string_view from = cursor.take(16);
  const std::string_view to = cursor.take(16);
  if (cursor.is_short()) return std::nullopt;
  if (length == 0) length = cursor.size();
  set_address(packet.from, from);
  set_address(packet.to, to);
  constexpr uint8_t kHopByHop = 0;
  constexpr uint8_t kRouting = 43;
  constexpr uint8_t kDestination = 60;
  while (next == kHopByHop || next == kRouting || next == kDestination) {
    next = cursor.u8();
    const uint64_t size = (cursor.u8() + 1u) * 8;
    cursor.take(size - 2);
    if (cursor.is_short() || size > length) return std::nullopt;
    length -= size;
  }
  return next == kTcp ? std::optional(length) : std::nullopt;
}

}  // namespace

std::string TcpEnd::text() const {
  char host[INET6_ADDRSTRLEN] = {};
  ::inet_ntop(six ? AF_INET6 : AF_INET, address.data(), host, sizeof host);
  return six ? fmt::format("[{}]:{}", host, port) : fmt::format("{}:{}", host, port);
}

bool knows_link(int link_type) {
  constexpr std::array kKnown{DLT_EN10MB, DLT_LINUX_SLL, DLT_LINUX_SLL2, DLT_NULL,
                              DLT_LOOP,   DLT_RAW,       DLT_IPV4,       DLT_IPV6};
  return std::find(kKnown.begin(), kKnown.end(), link_type) != kKnown.end();
}

std::optional<TcpPacket> parse_packet(int link_type, std::string_view bytes) {
  Cursor cursor(bytes);
  TcpPacket packet;
  const uint16_t type = take_link(link_type, cursor);
  if (cursor.is_short() || (type != kIpv4 && type != kIpv6)) return std::nullopt;
  const auto length = type == kIpv4 ? take_ipv4(cursor, packet) : take_ipv6(cursor, packet);
  if (!length) return std::nullopt;
  packet.from.port = cursor.u16();
  packet.to.port = cursor.u16();
  packet.sequence = cursor.u32();
  cursor.u32();
  const size_t header = (cursor.u8() >> 4) * 4;
  const uint8_t flags = cursor.u8();
  cursor.take(6);
  if (cursor.is_short() || header < 20 || header > *length) return std::nullopt;
  cursor.take(header - 20);
  if (cursor.is_short()) return std::nullopt;
  packet.fin = flags & 1;
  packet.syn = flags & 2;
  packet.reset = flags & 4;
  packet.ack = flags & 16;
  const uint64_t size = *length - header;
  packet.bytes = cursor.left().substr(0, size);  // Ethernet pads short packets
  packet.snapped = size - packet.bytes.size();
  return packet;
}

}  // namespace archleak::attacks
