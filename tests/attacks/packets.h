#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace archleak::attacks::test {

/// A TCP packet to be written to a pcap file by hand.
struct Packet {
  bool from_worker = true;
  uint32_t sequence = 0;
  std::string bytes;
  uint8_t flags = 0x10;  ///< FIN 1, SYN 2, RST 4, ACK 16
  uint16_t worker_port = 40000;
  uint16_t coordinator_port = 5555;
};

constexpr uint8_t kFin = 0x11;
constexpr uint8_t kSyn = 0x02;
constexpr uint8_t kSynAck = 0x12;
constexpr uint8_t kReset = 0x04;

/// How packets are wrapped: the number of the link type, and the version of IP.
struct Link {
  int type = 1;
  int ip = 4;
};

/// The bytes of a packet with its link and IP headers.
std::string link_packet(const Packet& packet, const Link& link = {});

/// A pcap file of these packets, a microsecond apart.
std::string pcap_file(const std::vector<Packet>& packets, const Link& link = {}, uint32_t snap = 262144);

/// A whole connection: opening, both streams in packets of `piece` bytes, closing. Sequence numbers wrap on the way.
std::vector<Packet> connection(const std::string& up, const std::string& down, size_t piece = 100);

}  // namespace archleak::attacks::test
