#include "attacks/eavesdropper/pcap.h"

#include <pcap/pcap.h>
#include <spdlog/fmt/fmt.h>

#include <array>
#include <map>
#include <memory>
#include <utility>

#include "attacks/eavesdropper/packet.h"
#include "attacks/eavesdropper/tcp_stream.h"
#include "core/error.h"
#include "wire/capture_writer.h"

namespace archleak::attacks {
namespace {

using wire::Direction;

constexpr size_t kSignatureBytes = 10;  // of a ZMTP greeting

bool begins_zmtp(std::string_view bytes) {
  return bytes.starts_with('\xff') && (bytes.size() < kSignatureBytes || bytes[kSignatureBytes - 1] == '\x7f');
}

/// A TCP connection, and what is known of it so far.
struct Connection {
  enum class State { undecided, taken, ignored };
  State state = State::undecided;
  uint32_t number = 0;  // in the capture, from 1 on
  TcpEnd worker;
  std::optional<uint32_t> opening;    // sequence number of the first SYN
  std::array<TcpStream, 2> streams;   // up, down
  std::array<uint64_t, 2> offsets{};  // in the capture
  std::array<bool, 2> closed{};
};

class Importer {
 public:
  Importer(const std::filesystem::path& out, uint16_t port, wire::CaptureOrigin origin)
      : out_(out), port_(port), origin_(std::move(origin)) {}

  void add(const TcpPacket& packet, int64_t time_ns) {
    time_ns_ = time_ns;
    if (port_ != 0 && packet.from.port != port_ && packet.to.port != port_) return;
    const std::pair<TcpEnd, TcpEnd> key = std::minmax(packet.from, packet.to);
    auto found = connections_.find(key);
    const bool opens = packet.syn && !packet.ack;
    if (found != connections_.end() && opens && found->second.opening != packet.sequence) {  // the ports once more
      end(found->second);
      connections_.erase(found);
      found = connections_.end();
    }
    if (found == connections_.end()) {
      if (packet.reset) return;
      found = connections_.try_emplace(key).first;
      found->second.worker = worker_of(packet);
      if (opens) found->second.opening = packet.sequence;
    }
    Connection& connection = found->second;
    if (connection.state == Connection::State::ignored) return;
    const size_t way = packet.from == connection.worker ? 0 : 1;
    TcpStream& stream = connection.streams[way];
    const auto sink = sink_of(connection, way);
    const uint32_t first = packet.sequence + (packet.syn ? 1 : 0);
    if (packet.syn && !stream.begun()) stream.begin(first);
    stream.add(first, packet.bytes, sink);
    if (packet.fin) stream.end(first + static_cast<uint32_t>(packet.bytes.size() + packet.snapped));
    if (stream.complete()) close(connection, way);
    if (packet.reset) end(connection);
  }

  void finish(PcapImport& result) {
    for (auto& [key, connection] : connections_) end(connection);
    if (writer_) writer_->finish();
    result.connections = taken_;
    result.bytes = bytes_;
    result.missing = missing_;
  }

 private:
  TcpEnd worker_of(const TcpPacket& packet) const {
    if (port_ != 0) return packet.to.port == port_ ? packet.from : packet.to;
    if (packet.syn) return packet.ack ? packet.to : packet.from;
    return packet.from.port > packet.to.port ? packet.from : packet.to;  // as systems choose ports
  }

  static Direction direction(size_t way) { return way == 0 ? Direction::up : Direction::down; }

  TcpStream::Sink sink_of(Connection& connection, size_t way) {
    return {.data =
                [this, &connection, way](std::string_view bytes) {
                  if (connection.state == Connection::State::undecided) decide(connection, bytes);
                  if (connection.state != Connection::State::taken) return;
                  writer_->data(connection.number, direction(way), connection.offsets[way], bytes, time_ns_);
                  connection.offsets[way] += bytes.size();
                  bytes_ += bytes.size();
                },
            .missing =
                [this, &connection, way](uint64_t bytes) {
                  if (connection.state == Connection::State::undecided) decide(connection, {});
                  if (connection.state != Connection::State::taken) return;
                  writer_->gap(connection.number, direction(way), connection.offsets[way], bytes, time_ns_);
                  connection.offsets[way] += bytes;
                  bytes_ += bytes;
                  missing_ += bytes;
                }};
  }

  /// Whether the connection is one of those that are wanted, from its first bytes in either direction.
  void decide(Connection& connection, std::string_view bytes) {
    if (port_ == 0 && !begins_zmtp(bytes)) {
      connection.state = Connection::State::ignored;
      return;
    }
    connection.state = Connection::State::taken;
    connection.number = static_cast<uint32_t>(++taken_);
    if (!writer_) writer_.emplace(out_, origin_);
    writer_->open(connection.number, connection.worker.text(), time_ns_);
  }

  void close(Connection& connection, size_t way) {
    if (connection.state != Connection::State::taken || std::exchange(connection.closed[way], true)) return;
    writer_->close(connection.number, direction(way), connection.offsets[way], time_ns_);
  }

  void end(Connection& connection) {
    for (const size_t way : {size_t{0}, size_t{1}}) {
      if (!connection.closed[way]) connection.streams[way].finish(sink_of(connection, way));
      close(connection, way);
    }
  }

  std::filesystem::path out_;
  uint16_t port_;
  wire::CaptureOrigin origin_;
  std::optional<wire::CaptureWriter> writer_;
  std::map<std::pair<TcpEnd, TcpEnd>, Connection> connections_;
  int64_t time_ns_ = 0;
  uint64_t taken_ = 0;
  uint64_t bytes_ = 0;
  uint64_t missing_ = 0;
};

}  // namespace

PcapImport import_pcap(const std::filesystem::path& file, const std::filesystem::path& out, uint16_t port,
                       const std::string& program_version) {
  char reason[PCAP_ERRBUF_SIZE] = {};
  const std::unique_ptr<pcap_t, decltype(&pcap_close)> packets(
      pcap_open_offline_with_tstamp_precision(file.c_str(), PCAP_TSTAMP_PRECISION_NANO, reason), pcap_close);
  if (!packets) throw DataError(fmt::format("{}: expected a pcap file, got: {}", file.string(), reason));
  const int link = pcap_datalink(packets.get());
  if (!knows_link(link)) {
    throw DataError(fmt::format("{}: expected packets of Ethernet, Linux cooked, loopback or raw IP, got link type {}",
                                file.string(), link));
  }
  PcapImport result;
  Importer importer(out, port, {.source = file.filename().string(), .program_version = program_version});
  pcap_pkthdr* header = nullptr;
  const u_char* bytes = nullptr;
  int status = 0;
  while ((status = pcap_next_ex(packets.get(), &header, &bytes)) == 1) {
    ++result.packets;
    const auto packet = parse_packet(link, {reinterpret_cast<const char*>(bytes), header->caplen});
    const auto time_ns = static_cast<uint64_t>(header->ts.tv_sec) * 1000000000 +
                         static_cast<uint64_t>(header->ts.tv_usec);  // nanoseconds, as asked for
    if (packet) importer.add(*packet, static_cast<int64_t>(time_ns));
  }
  if (status == PCAP_ERROR) {
    result.cut = fmt::format("after packet {}: expected a packet, got: {}", result.packets, pcap_geterr(packets.get()));
  }
  importer.finish(result);
  if (result.connections > 0) return result;
  throw DataError(fmt::format("{}: expected a TCP connection {}, got none in {} packets{}", file.string(),
                              port == 0 ? "that begins with a ZMTP greeting" : fmt::format("with port {}", port),
                              result.packets, result.cut ? " (" + *result.cut + ")" : ""));
}

}  // namespace archleak::attacks
