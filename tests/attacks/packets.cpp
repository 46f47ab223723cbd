#include "tests/attacks/packets.h"

#include <algorithm>

namespace archleak::attacks::test {
namespace {

constexpr uint32_t kUpStart = 0xffffff00;
constexpr uint32_t kDownStart = 1000;

std::string big(uint64_t value, int bytes) {
  std::string text;
  for (int i = bytes - 1; i >= 0; --i) text += i < 8 ? static_cast<char>(value >> (8 * i)) : '\0';
  return text;
}

std::string little(uint64_t value, int bytes) {
  std::string text = big(value, bytes);
  std::reverse(text.begin(), text.end());
  return text;
}

std::string link_header(const Link& link) {
  const std::string type = big(link.ip == 4 ? 0x0800 : 0x86dd, 2);
  switch (link.type) {
    case 1:  // Ethernet, with a VLAN tag
      return std::string(12, 'm') + big(0x8100, 2) + big(7, 2) + type;
    case 113:  // Linux cooked
      return std::string(14, 'c') + type;
    case 276:  // Linux cooked, second version
      return type + std::string(18, 'c');
    case 0:  // loopback
      return little(2, 4);
    default:  // raw IP
      return {};
  }
}

}  // namespace

std::string link_packet(const Packet& packet, const Link& link) {
  const uint16_t from = packet.from_worker ? packet.worker_port : packet.coordinator_port;
  const uint16_t to = packet.from_worker ? packet.coordinator_port : packet.worker_port;
  const std::string options("\x01\x01\x01\x01", 4);
  const std::string tcp = big(from, 2) + big(to, 2) + big(packet.sequence, 4) + big(0, 4) + big(0x60, 1) +
                          big(packet.flags, 1) + big(1024, 2) + big(0, 4) + options + packet.bytes;
  const std::string worker = link.ip == 4 ? big(0x0a000001, 4) : big(1, 16);
  const std::string coordinator = link.ip == 4 ? big(0x0a000002, 4) : big(2, 16);
  const std::string addresses = packet.from_worker ? worker + coordinator : coordinator + worker;
  const std::string header =
      link.ip == 4 ? big(0x4500, 2) + big(20 + tcp.size(), 2) + big(0, 4) + big(64, 1) + big(6, 1) + big(0, 2)
                   : big(0x60000000, 4) + big(tcp.size(), 2) + big(6, 1) + big(64, 1);
  return link_header(link) + header + addresses + tcp + (link.type == 1 ? "padding" : "");
}

std::string pcap_file(const std::vector<Packet>& packets, const Link& link, uint32_t snap) {
  std::string file = little(0xa1b2c3d4, 4) + little(2, 2) + little(4, 2) + little(0, 8) + little(snap, 4) +
                     little(static_cast<uint64_t>(link.type), 4);
  uint32_t time = 0;
  for (const auto& packet : packets) {
    const std::string bytes = link_packet(packet, link);
    const std::string kept = bytes.substr(0, snap);
    file += little(1000, 4) + little(++time, 4) + little(kept.size(), 4) + little(bytes.size(), 4) + kept;
  }
  return file;
}

std::vector<Packet> connection(const std::string& up, const std::string& down, size_t piece) {
  std::vector<Packet> packets{{.sequence = kUpStart, .flags = kSyn},
                              {.from_worker = false, .sequence = kDownStart, .flags = kSynAck}};
  for (size_t at = 0; at < std::max(up.size(), down.size()); at += piece) {
    const auto offset = static_cast<uint32_t>(at) + 1;
    if (at < up.size()) packets.push_back({.sequence = kUpStart + offset, .bytes = up.substr(at, piece)});
    if (at < down.size()) {
      packets.push_back({.from_worker = false, .sequence = kDownStart + offset, .bytes = down.substr(at, piece)});
    }
  }
  packets.push_back({.sequence = kUpStart + 1 + static_cast<uint32_t>(up.size()), .flags = kFin});
  packets.push_back(
      {.from_worker = false, .sequence = kDownStart + 1 + static_cast<uint32_t>(down.size()), .flags = kFin});
  return packets;
}

}  // namespace archleak::attacks::test
