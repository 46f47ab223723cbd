#include "attacks/eavesdropper/pcap.h"

#include <gmock/gmock.h>

#include <algorithm>

#include "attacks/eavesdropper/packet.h"
#include "core/error.h"
#include "core/file.h"
#include "core/random.h"
#include "tests/attacks/packets.h"
#include "tests/support/paths.h"
#include "tests/wire/zmtp_stream.h"
#include "wire/capture_messages.h"

namespace archleak::attacks {
namespace {

using test::connection;
using test::pcap_file;
using testing::HasSubstr;
using wire::Message;

const std::vector<Message> kUp{wire::Hello{.worker = "worker 1"}, wire::Failure{.reason = std::string(900, 'x')},
                               wire::Bye{.reason = "done"}};
const std::vector<Message> kDown{wire::Flush{.round = 1}, wire::Drain{.reason = "over"}};

constexpr int kRawIp = 12;  // of libpcap; 101 in its files

class PcapTest : public testing::Test {
 protected:
  PcapImport take_over(const std::string& pcap, uint16_t port = 0) {
    std::filesystem::remove(out_);
    write_file_atomically(in_, pcap);
    return import_pcap(in_, out_, port, "0.1.0");
  }

  /// The messages of one direction in the capture.
  std::vector<Message> messages(wire::Direction direction) const {
    const wire::CaptureReader reader(out_);
    wire::CaptureMessages units(reader);
    std::vector<Message> all;
    while (const auto unit = units.next()) {
      if (unit->message && unit->place.stream.direction == direction) all.push_back(*unit->message);
    }
    return all;
  }

  void expect_all() const {
    EXPECT_EQ(messages(wire::Direction::up), kUp);
    EXPECT_EQ(messages(wire::Direction::down), kDown);
  }

  archleak::test::TemporaryFolder folder_;
  const std::filesystem::path in_ = folder_ / "a.pcap";
  const std::filesystem::path out_ = folder_ / "a.alcap";
  const std::string up_ = wire::test::zmtp_stream("worker 1", kUp);
  const std::string down_ = wire::test::zmtp_stream("", kDown);
  const std::vector<test::Packet> packets_ = connection(up_, down_);
};

TEST_F(PcapTest, EveryLinkTypeAndVersionOfIpIsRead) {
  for (const int link : {1, 113, 276, 0, 101}) {
    for (const int ip : {4, 6}) {
      const PcapImport imported = take_over(pcap_file(packets_, {.type = link, .ip = ip}));
      EXPECT_EQ(imported.connections, 1u) << link << " " << ip;
      EXPECT_EQ(imported.bytes, up_.size() + down_.size());
      EXPECT_EQ(imported.missing, 0u);
      expect_all();
    }
  }
}

TEST_F(PcapTest, PacketsMayComeInAnyOrderAndMoreThanOnce) {
  auto packets = packets_;
  RandomEngine engine = make_engine({.seed = 1, .purpose = "packet order"});
  for (int trial = 0; trial < 20; ++trial) {
    const auto again = packets[2 + static_cast<size_t>(uniform_index(std::ssize(packets) - 2, engine))];
    packets.push_back(again);
    for (size_t i = packets.size() - 1; i > 2; --i) {
      std::swap(packets[i], packets[2 + static_cast<size_t>(uniform_index(static_cast<int64_t>(i) - 1, engine))]);
    }
    EXPECT_EQ(take_over(pcap_file(packets)).missing, 0u);
    expect_all();
  }
}

TEST_F(PcapTest, PacketsThatOverlapAreMerged) {
  auto packets = packets_;
  test::Packet wide{.sequence = packets[2].sequence + 50, .bytes = up_.substr(50, 180)};
  packets.insert(packets.begin() + 3, wide);
  EXPECT_EQ(take_over(pcap_file(packets)).missing, 0u);
  expect_all();
}

TEST_F(PcapTest, APacketThatIsMissingIsAGap) {
  auto packets = packets_;
  packets.erase(std::find_if(packets.begin(), packets.end(),
                             [&](const test::Packet& packet) { return packet.bytes == up_.substr(500, 100); }));
  EXPECT_EQ(take_over(pcap_file(packets)).missing, 100u);
  EXPECT_EQ(messages(wire::Direction::up), (std::vector<Message>{kUp[0], kUp[2]}));
  EXPECT_EQ(messages(wire::Direction::down), kDown);
}

TEST_F(PcapTest, BytesThatWereNotKeptAreAGap) {
  EXPECT_GT(take_over(pcap_file(packets_, {}, 120)).missing, 0u);
  EXPECT_EQ(wire::CaptureReader(out_).cut(), std::nullopt);
}

TEST_F(PcapTest, OtherConnectionsAreLeftOut) {
  auto other = connection("GET / HTTP/1.1\r\n\r\n", "HTTP/1.1 200 OK\r\n\r\n");
  for (auto& packet : other) packet.coordinator_port = 80;
  auto packets = packets_;
  packets.insert(packets.begin() + 4, other.begin(), other.end());
  EXPECT_EQ(take_over(pcap_file(packets)).connections, 1u);
  expect_all();
  EXPECT_EQ(take_over(pcap_file(packets), 80).connections, 1u);
  EXPECT_TRUE(messages(wire::Direction::up).empty());
  EXPECT_THROW(take_over(pcap_file(other)), DataError);
  EXPECT_FALSE(std::filesystem::exists(out_));
}

TEST_F(PcapTest, WithAPortAConnectionThatIsJoinedLateIsReadFromItsNextMessageOn) {
  const std::vector<test::Packet> late(packets_.begin() + 4, packets_.end());
  EXPECT_THROW(take_over(pcap_file(late)), DataError);
  EXPECT_EQ(take_over(pcap_file(late), 5555).connections, 1u);
  EXPECT_THAT(messages(wire::Direction::up), testing::Contains(kUp.back()));
}

TEST_F(PcapTest, TheSamePortsMayBeUsedAgain) {
  auto packets = packets_;
  for (auto packet : packets_) {
    packet.sequence += 12345;
    packets.push_back(packet);
  }
  EXPECT_EQ(take_over(pcap_file(packets)).connections, 2u);
  EXPECT_EQ(messages(wire::Direction::up).size(), 2 * kUp.size());
}

TEST_F(PcapTest, AFileThatWasCutOffIsReadUpToThereAndTheCutIsReported) {
  const std::string whole = pcap_file(packets_);
  const PcapImport imported = take_over(whole.substr(0, whole.size() - 150));
  ASSERT_TRUE(imported.cut);
  EXPECT_THAT(*imported.cut, HasSubstr("truncated"));
  EXPECT_EQ(messages(wire::Direction::down), kDown);
}

TEST_F(PcapTest, ForeignFilesAreRefused) {
  EXPECT_THROW(take_over("not a pcap file at all, but long enough"), DataError);
  EXPECT_THROW(take_over(""), DataError);
  EXPECT_THROW(take_over(pcap_file(packets_, {.type = 105})), DataError);  // radio
  EXPECT_THROW(import_pcap(folder_ / "nothing", out_, 0, "1"), DataError);
}

TEST_F(PcapTest, BytesThatFlippedAreNoReasonToFailInAnotherWay) {
  const std::string whole = pcap_file(packets_);
  RandomEngine engine = make_engine({.seed = 1, .purpose = "flipped bytes"});
  for (int trial = 0; trial < 60; ++trial) {
    std::string bytes = whole;
    for (int i = 0; i < 3; ++i) {
      bytes[static_cast<size_t>(uniform_index(std::ssize(bytes), engine))] = static_cast<char>(engine());
    }
    try {
      take_over(bytes);
      messages(wire::Direction::up);
    } catch (const DataError&) {
    }
  }
}

TEST(Packet, WhatIsNoWholeTcpPacketIsPassedOver) {
  const std::string whole = test::link_packet({.bytes = "abc"}, {.type = kRawIp, .ip = 4});
  ASSERT_TRUE(parse_packet(kRawIp, whole));
  EXPECT_EQ(parse_packet(kRawIp, whole)->bytes, "abc");
  for (size_t size = 0; size < 44; ++size) EXPECT_FALSE(parse_packet(kRawIp, whole.substr(0, size))) << size;
  EXPECT_EQ(parse_packet(kRawIp, whole.substr(0, whole.size() - 1))->snapped, 1u);
  std::string fragment = whole;
  fragment[6] = '\x20';
  EXPECT_FALSE(parse_packet(kRawIp, fragment));
  std::string udp = whole;
  udp[9] = 17;
  EXPECT_FALSE(parse_packet(kRawIp, udp));
}

}  // namespace
}  // namespace archleak::attacks
