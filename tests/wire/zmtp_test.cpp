#include "wire/zmtp.h"

#include <gmock/gmock.h>

#include "core/random.h"
#include "tests/wire/allocation.h"
#include "tests/wire/samples.h"
#include "tests/wire/zmtp_stream.h"

namespace archleak::wire {
namespace {

using test::as_bytes;
using test::zmtp_frame;
using test::zmtp_greeting;
using test::zmtp_message;
using test::zmtp_stream;
using test::zmtp_units;
using testing::HasSubstr;
using Kind = ZmtpUnit::Kind;

std::vector<Kind> kinds(const std::vector<ZmtpUnit>& units) {
  std::vector<Kind> all;
  for (const auto& unit : units) all.push_back(unit.kind);
  return all;
}

/// A decoder that has seen greeting and READY, with what it reported since.
struct Open {
  Open() {
    feed(zmtp_stream("w", {}));
    units.clear();
  }
  void feed(const std::string& bytes) { decoder.feed(as_bytes(bytes), sink); }
  void skip(uint64_t bytes) { decoder.skip(bytes, sink); }

  std::vector<ZmtpUnit> units;
  ZmtpDecoder::Sink sink = [this](ZmtpUnit&& unit) { units.push_back(std::move(unit)); };
  ZmtpDecoder decoder;
};

TEST(Zmtp, EveryMessageIsReadHoweverTheStreamIsCutIntoPieces) {
  const auto messages = test::sample_messages();
  const std::string stream = zmtp_stream("worker 1", messages);
  for (const size_t piece : {size_t{1}, size_t{7}, size_t{64}, stream.size()}) {
    const auto units = zmtp_units(stream, piece);
    ASSERT_EQ(units.size(), messages.size() + 2) << piece;
    EXPECT_EQ(units[0].kind, Kind::greeting);
    EXPECT_EQ(units[0].text, "NULL");
    EXPECT_EQ(units[1].kind, Kind::command);
    EXPECT_EQ(units[1].text, "READY");
    uint64_t offset = 0;
    for (size_t i = 0; i < units.size(); ++i) {
      EXPECT_EQ(units[i].offset, offset);
      offset += units[i].bytes;
      if (i < 2) continue;
      EXPECT_EQ(decode(units[i].frames).message, messages[i - 2]);
    }
    EXPECT_EQ(offset, stream.size());
  }
}

TEST(Zmtp, TheHandshakeTellsTheWorkersName) {
  ZmtpDecoder decoder;
  decoder.feed(as_bytes(zmtp_stream("worker 1", {})), [](ZmtpUnit&&) {});
  EXPECT_EQ(decoder.identity(), "worker 1");
  EXPECT_EQ(decoder.mechanism(), Mechanism::open);
}

TEST(Zmtp, ASealedConnectionShowsSizesOnly) {
  const std::string secret(300, 's');
  const auto units = zmtp_units(test::zmtp_sealed_stream({secret, "t"}));
  EXPECT_THAT(kinds(units), testing::ElementsAre(Kind::greeting, Kind::command, Kind::ciphertext, Kind::ciphertext));
  EXPECT_EQ(units[0].text, "CURVE");
  EXPECT_EQ(units[2].bytes, 9 + 8 + secret.size());
  EXPECT_TRUE(units[2].frames.empty());
}

TEST(Zmtp, ACommandInTheMiddleOfAMessageCountsWithIt) {
  const std::string message = zmtp_message(Heartbeat{.sequence = 7});
  const std::string ping = zmtp_frame(4, std::string("\x04PING") + "ab");
  constexpr size_t kFirstFrame = 2 + 24;
  Open open;
  open.feed(message.substr(0, kFirstFrame) + ping + message.substr(kFirstFrame));
  ASSERT_THAT(kinds(open.units), testing::ElementsAre(Kind::message));
  EXPECT_EQ(open.units[0].bytes, message.size() + ping.size());
  EXPECT_EQ(decode(open.units[0].frames, {}).message, Message(Heartbeat{.sequence = 7}));
}

TEST(Zmtp, AMessageOfWhichTheInsideIsMissingIsUnreadableAndTheNextOneIsNot) {
  Open open;
  const std::string long_message = zmtp_message(Failure{.reason = std::string(1000, 'x')});
  open.feed(long_message.substr(0, 100));
  open.skip(700);
  open.feed(long_message.substr(800) + zmtp_message(Flush{.round = 2}));
  ASSERT_THAT(kinds(open.units), testing::ElementsAre(Kind::unreadable, Kind::message));
  EXPECT_THAT(open.units[0].text, HasSubstr("700 bytes of it are missing"));
  EXPECT_EQ(open.units[0].bytes, long_message.size());
  EXPECT_EQ(decode(open.units[1].frames).message, Message(Flush{.round = 2}));
}

TEST(Zmtp, AfterALossThatHidesWhereFramesBeginReadingGoesOnAtTheNextMessage) {
  Open open;
  const std::string message = zmtp_message(Flush{.round = 1});
  open.feed(message.substr(0, 20));
  open.skip(message.size() * 2 - 30);
  open.feed(message.substr(message.size() - 10) + zmtp_message(Flush{.round = 4}));
  ASSERT_THAT(kinds(open.units), testing::ElementsAre(Kind::unreadable, Kind::message));
  EXPECT_EQ(open.units[0].bytes, 2 * message.size());
  EXPECT_EQ(decode(open.units[1].frames).message, Message(Flush{.round = 4}));
}

TEST(Zmtp, AConnectionThatIsJoinedLateIsReadFromItsNextMessageOn) {
  const auto plain = zmtp_units(zmtp_stream("w", test::sample_messages()).substr(110));
  EXPECT_EQ(plain[0].kind, Kind::unreadable);
  EXPECT_THAT(plain[0].text, HasSubstr("greeting"));
  EXPECT_EQ(plain.size(), test::sample_messages().size());
  const auto sealed = zmtp_units(test::zmtp_sealed_stream({std::string(20, 'a'), std::string(300, 'b')}).substr(100));
  EXPECT_THAT(kinds(sealed), testing::ElementsAre(Kind::unreadable, Kind::ciphertext, Kind::ciphertext));
}

TEST(Zmtp, WhatIsNoFrameIsReportedWithItsReason) {
  Open open;
  open.feed("\x88");
  open.feed("garbage" + zmtp_message(Flush{.round = 4}));
  ASSERT_THAT(kinds(open.units), testing::ElementsAre(Kind::unreadable, Kind::message));
  EXPECT_THAT(open.units[0].text, HasSubstr("0x88"));
  EXPECT_EQ(open.units[0].bytes, 8u);
}

TEST(Zmtp, AnEarlierVersionIsReported) {
  std::string greeting = zmtp_greeting();
  greeting[10] = 1;
  const auto units = zmtp_units(greeting);
  ASSERT_THAT(kinds(units), testing::ElementsAre(Kind::unreadable));
  EXPECT_THAT(units[0].text, HasSubstr("version 1"));
  EXPECT_EQ(units[0].bytes, greeting.size());
}

TEST(Zmtp, ALengthFieldTakesNoMemory) {
  for (const auto& length :
       {std::string("\x7f\xff\xff\xff\xff\xff\xff\xff", 8), std::string("\0\0\0\0\x70\0\0\0", 8)}) {
    Open open;
    const test::LargestAllocation largest;
    open.feed('\x02' + length + "a few bytes");
    open.decoder.finish(open.sink);
    EXPECT_LT(largest.bytes(), 10000u);
    ASSERT_THAT(kinds(open.units), testing::ElementsAre(Kind::unreadable));
    EXPECT_EQ(open.units[0].bytes, 9 + 11u);
  }
}

TEST(Zmtp, AFrameBeyondTheLimitsIsPassedOver) {
  const Limits small{.max_payload_bytes = 1000, .max_text_bytes = 1000, .max_items = 10};
  const auto units =
      zmtp_units(zmtp_stream("w", {Failure{.reason = std::string(5000, 'x')}, Flush{.round = 1}}), 100, small);
  EXPECT_THAT(kinds(units), testing::ElementsAre(Kind::greeting, Kind::command, Kind::unreadable, Kind::message));
  EXPECT_THAT(units[2].text, HasSubstr("at most"));
}

TEST(Zmtp, FramesWithoutEndTakeNoMemory) {
  Open open;
  for (int i = 0; i < 10000; ++i) open.feed(std::string("\x01\x00", 2));
  open.feed(std::string("\x00\x00", 2));
  ASSERT_EQ(open.units.size(), 1u);
  EXPECT_LE(open.units[0].frames.size(), 4u);
  EXPECT_EQ(open.units[0].bytes, 20002u);
}

TEST(Zmtp, RandomBytesAreAccountedForToTheLastOne) {
  RandomEngine engine = make_engine({.seed = 3, .purpose = "random stream"});
  for (int trial = 0; trial < 200; ++trial) {
    std::string stream = trial % 2 ? zmtp_stream("w", {Flush{.round = 1}}) : "";
    for (int i = 0; i < 2000; ++i) stream += static_cast<char>(engine());
    uint64_t offset = 0;
    for (const auto& unit : zmtp_units(stream, 100)) {
      EXPECT_EQ(unit.offset, offset);
      offset += unit.bytes;
    }
    EXPECT_EQ(offset, stream.size());
  }
}

}  // namespace
}  // namespace archleak::wire
