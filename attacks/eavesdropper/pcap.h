#pragma once
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

namespace archleak::attacks {

/// What was found in a packet capture.
struct PcapImport {
  uint64_t packets = 0;            ///< all in the file
  uint64_t connections = 0;        ///< TCP connections that were taken over
  uint64_t bytes = 0;              ///< of their streams, both ways, with what is missing
  uint64_t missing = 0;            ///< bytes that are in no packet: gaps in the capture
  std::optional<std::string> cut;  ///< what is wrong at the end of the file, if it was cut off
};

/// Takes over TCP connections from a file that tcpdump or another libpcap program wrote (pcap or pcapng; Ethernet,
/// Linux cooked, loopback or raw IP) as a segment of the capture `out`: those with `port` on one side, which is taken
/// for the coordinator's; with port 0, all that begin with a ZMTP greeting, whose side that connected is taken for the
/// worker. Connections that were already open when tcpdump started need a port.
///
/// Throws DataError for a file that is none, of another link type, or without such a connection (then nothing is
/// written to `out`), and as wire::CaptureWriter does.
PcapImport import_pcap(const std::filesystem::path& file, const std::filesystem::path& out, uint16_t port,
                       const std::string& program_version);

}  // namespace archleak::attacks
