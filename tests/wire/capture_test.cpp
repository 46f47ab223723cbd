#include <gmock/gmock.h>

#include <fstream>

#include "core/error.h"
#include "core/file.h"
#include "tests/support/paths.h"
#include "tests/wire/allocation.h"
#include "tests/wire/samples.h"
#include "tests/wire/zmtp_stream.h"
#include "wire/capture_messages.h"
#include "wire/capture_writer.h"

namespace archleak::wire {
namespace {

using testing::HasSubstr;

const CaptureOrigin kOrigin{.source = "tap", .listen = "ipc://a", .connect = "ipc://b", .program_version = "0.1.0"};

/// A capture of one worker's stream, in blocks of `piece` bytes.
void record(CaptureWriter& writer, const std::string& stream, uint32_t connection = 1, size_t piece = 50) {
  writer.open(connection, "peer", 5);
  for (size_t at = 0; at < stream.size(); at += piece) {
    writer.data(connection, Direction::up, at, std::string_view(stream).substr(at, piece), static_cast<int64_t>(at));
  }
  writer.close(connection, Direction::up, stream.size(), static_cast<int64_t>(stream.size()));
}

struct Contents {
  std::vector<Message> messages;
  std::vector<CapturedUnit> units;
};

Contents contents(const std::filesystem::path& file) {
  const CaptureReader reader(file);
  CaptureMessages all(reader);
  Contents read;
  while (auto unit = all.next()) {
    if (unit->message) read.messages.push_back(*unit->message);
    read.units.push_back(std::move(*unit));
  }
  return read;
}

class CaptureTest : public testing::Test {
 protected:
  CaptureTest() {
    {
      CaptureWriter writer(file_, kOrigin);
      record(writer, test::zmtp_stream("worker 1", messages_));
    }
    whole_ = read_file(file_);
  }

  void rewrite(const std::string& bytes) { write_file_atomically(file_, bytes); }

  archleak::test::TemporaryFolder folder_;
  const std::filesystem::path file_ = folder_ / "run.alcap";
  const std::vector<Message> messages_ = {Hello{.worker = "worker 1"}, Flush{.round = 3}, Heartbeat{.sequence = 1}};
  std::string whole_;
};

TEST_F(CaptureTest, GivesBackTheMessagesThatWentBy) {
  const auto read = contents(file_);
  EXPECT_EQ(read.messages, messages_);
  ASSERT_EQ(read.units.size(), 2 + messages_.size());
  EXPECT_EQ(read.units[2].worker, "worker 1");
  EXPECT_EQ(read.units[2].name(), "hello");
  EXPECT_EQ(read.units[2].place.stream.direction, Direction::up);
  const CaptureReader reader(file_);
  EXPECT_FALSE(reader.cut());
  EXPECT_THAT(reader.origins(), testing::ElementsAre(kOrigin));
}

TEST_F(CaptureTest, FindsASingleMessageAgain) {
  const auto read = contents(file_);
  const CaptureReader reader(file_);
  const CaptureLookup lookup(reader);
  for (const auto& unit : read.units) {
    if (!unit.message) continue;
    EXPECT_EQ(lookup.message(unit.place), *unit.message);
  }
  EXPECT_THROW(lookup.message({.stream = {9, 9, Direction::up}, .offset = 0, .bytes = 10}), DataError);
  EXPECT_THROW(lookup.message({.stream = read.units[0].place.stream, .offset = 5, .bytes = 10}), DataError);
}

TEST_F(CaptureTest, CutOffAnywhereItIsReadableUpToThere) {
  for (size_t size = 16; size < whole_.size(); ++size) {
    rewrite(whole_.substr(0, size));
    const auto read = contents(file_);
    const CaptureReader reader(file_);
    ASSERT_LE(read.messages.size(), messages_.size());
    for (size_t i = 0; i < read.messages.size(); ++i) EXPECT_EQ(read.messages[i], messages_[i]);
    EXPECT_TRUE(reader.cut() || size == 16) << size;
    EXPECT_LE(reader.readable_bytes(), size);
  }
}

TEST_F(CaptureTest, WithoutItsIndexItIsReadAllTheSame) {
  rewrite(whole_.substr(0, whole_.size() - 40));
  EXPECT_EQ(contents(file_).messages, messages_);
  EXPECT_THAT(*CaptureReader(file_).cut(), HasSubstr("cut off"));
}

TEST_F(CaptureTest, ABitThatFlippedIsAnErrorOrACutButNeverAnotherMessage) {
  for (size_t at = 0; at < whole_.size(); ++at) {
    std::string bytes = whole_;
    bytes[at] = static_cast<char>(bytes[at] ^ (1 << (at % 8)));
    rewrite(bytes);
    try {
      const auto read = contents(file_);
      const CaptureReader reader(file_);
      EXPECT_TRUE(reader.cut() || read.messages == messages_) << at;
    } catch (const DataError& error) {
      EXPECT_THAT(error.what(), HasSubstr("run.alcap: byte"));
    }
  }
}

TEST_F(CaptureTest, WhatCameBeforeADamagedBlockIsStillRead) {
  std::string bytes = whole_;
  bytes[bytes.rfind("ALWP")] = 'x';
  rewrite(bytes);
  const CaptureReader reader(file_);
  CaptureMessages all(reader);
  std::vector<Message> before;
  EXPECT_THROW(
      while (auto unit = all.next()) {
        if (unit->message) before.push_back(*unit->message);
      },
      DataError);
  ASSERT_FALSE(before.empty());
  EXPECT_EQ(before[0], messages_[0]);
}

TEST_F(CaptureTest, ZerosAtTheEndAreACut) {
  rewrite(whole_.substr(0, whole_.size() - 40) + std::string(500, '\0'));
  EXPECT_EQ(contents(file_).messages, messages_);
  EXPECT_THAT(*CaptureReader(file_).cut(), HasSubstr("zeros"));
}

TEST_F(CaptureTest, ASecondRecordingIsASegmentOfItsOwn) {
  {
    CaptureWriter writer(file_, kOrigin);
    record(writer, test::zmtp_stream("worker 2", {Bye{.reason = "done"}}));
  }
  EXPECT_TRUE(read_file(file_).starts_with(whole_));  // nothing was changed
  const auto read = contents(file_);
  EXPECT_EQ(read.messages.size(), messages_.size() + 1);
  EXPECT_EQ(read.messages.back(), Message(Bye{.reason = "done"}));
  EXPECT_EQ(read.units.back().place.stream.segment, 2u);
  EXPECT_EQ(CaptureReader(file_).origins().size(), 2u);
}

TEST_F(CaptureTest, ARecordingThatWasCutOffIsContinuedBehindItsLastWholeBlock) {
  rewrite(whole_.substr(0, whole_.size() - 140));
  const auto before = contents(file_).messages;
  {
    CaptureWriter writer(file_, kOrigin);
    record(writer, test::zmtp_stream("worker 2", {Bye{.reason = "done"}}));
  }
  EXPECT_FALSE(CaptureReader(file_).cut());
  const auto after = contents(file_).messages;
  ASSERT_EQ(after.size(), before.size() + 1);
  EXPECT_EQ(after.back(), Message(Bye{.reason = "done"}));
}

TEST_F(CaptureTest, OnlyOneWriterAtATime) {
  const CaptureWriter first(file_, kOrigin);
  EXPECT_THROW(CaptureWriter(file_, kOrigin), Error);
}

TEST_F(CaptureTest, AForeignFileIsRefusedAndNotTouched) {
  for (const auto& foreign : {std::string("PK\x03\x04 something else"), std::string("ALCAP"),
                              "ALCAPTUR\x02" + std::string(20, '\0'), whole_.substr(1)}) {
    rewrite(foreign);
    EXPECT_THROW(CaptureReader reader(file_), DataError);
    EXPECT_THROW(CaptureWriter(file_, kOrigin), DataError);
    EXPECT_EQ(read_file(file_), foreign);
  }
  EXPECT_THROW(CaptureReader reader(folder_.path()), DataError);
  EXPECT_THROW(CaptureReader reader(folder_ / "nothing"), DataError);
}

TEST_F(CaptureTest, ABlockThatClaimsToBeHugeIsRefusedWithoutTakingMemory) {
  BlockHeader header{.type = BlockType::data, .direction = Direction::up, .connection = 1};
  seal(header, "x");
  header.length = 0xffffffff;
  header.header_crc = crc32({reinterpret_cast<const char*>(&header), kBlockHeaderBytes - 4});
  rewrite(whole_.substr(0, 16) + std::string(reinterpret_cast<const char*>(&header), kBlockHeaderBytes) + "x");
  const test::LargestAllocation largest;
  EXPECT_THROW(CaptureReader reader(file_), DataError);
  EXPECT_LT(largest.bytes(), 100000u);
}

TEST(Capture, AGapIsReportedAndTheMessagesBehindItAreRead) {
  const archleak::test::TemporaryFolder folder;
  const auto file = folder / "gap.alcap";
  const std::string first = test::zmtp_stream("w", {Flush{.round = 1}});
  const std::string lost = test::zmtp_message(Flush{.round = 2});
  const std::string last = test::zmtp_message(Flush{.round = 3});
  {
    CaptureWriter writer(file, kOrigin);
    writer.data(1, Direction::up, 0, first, 1);
    writer.gap(1, Direction::up, first.size(), lost.size(), 2);
    writer.data(1, Direction::up, first.size() + lost.size(), last, 3);
  }
  const auto read = contents(file);
  EXPECT_EQ(read.messages, (std::vector<Message>{Flush{.round = 1}, Flush{.round = 3}}));
  EXPECT_EQ(read.units[3].kind, ZmtpUnit::Kind::unreadable);
  EXPECT_THAT(read.units[3].note, HasSubstr("missing"));
}

TEST(Capture, ABigMessageSpansManyBlocksAndIndexesChain) {
  const archleak::test::TemporaryFolder folder;
  const auto file = folder / "big.alcap";
  const Outcome outcome{.round = 1, .client = 2, .update = Payload::own(std::vector<float>(400000, 0.5f))};
  {
    CaptureWriter writer(file, kOrigin);
    record(writer, test::zmtp_stream("w", {outcome, Bye{}}), 1, 64);  // more blocks than one index holds
  }
  const CaptureReader reader(file);
  EXPECT_FALSE(reader.cut());
  EXPECT_GT(reader.blocks().size(), 20000u);
  const auto read = contents(file);
  EXPECT_EQ(read.messages, (std::vector<Message>{outcome, Bye{}}));
}

TEST(Capture, FramesThatAreNoMessageOfOursAreListedWithTheReason) {
  const archleak::test::TemporaryFolder folder;
  const auto file = folder / "foreign.alcap";
  {
    CaptureWriter writer(file, kOrigin);
    record(writer, test::zmtp_stream("w", {}) + test::zmtp_frame(0, "hello") + test::zmtp_message(Bye{}));
  }
  const auto read = contents(file);
  EXPECT_EQ(read.messages, std::vector<Message>{Bye{}});
  EXPECT_EQ(read.units[2].name(), "unreadable");
  EXPECT_THAT(read.units[2].note, HasSubstr("magic"));
}

TEST(Capture, BlocksThatContradictEachOtherAreAnError) {
  const archleak::test::TemporaryFolder folder;
  const auto file = folder / "backwards.alcap";
  {
    CaptureWriter writer(file, kOrigin);
    writer.data(1, Direction::up, 10, "abc", 1);
    writer.data(1, Direction::up, 5, "abc", 2);
  }
  EXPECT_THROW(contents(file), DataError);
}

}  // namespace
}  // namespace archleak::wire
