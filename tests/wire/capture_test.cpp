#include <gmock/gmock.h>

#include <algorithm>
#include <fstream>

#include "core/error.h"
#include "core/file.h"
#include "tests/support/full_disk.h"
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

/// Whether `part` is `whole` with some left out.
bool is_part_of(const std::vector<Message>& part, const std::vector<Message>& whole) {
  auto at = whole.begin();
  for (const auto& message : part) {
    at = std::find(at, whole.end(), message);
    if (at == whole.end()) return false;
    ++at;
  }
  return true;
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

TEST_F(CaptureTest, ABitThatFlippedLosesMessagesButNeverEndsTheReadingOrMakesAnotherMessage) {
  const std::string unfinished = whole_.substr(0, whole_.size() - kBlockHeaderBytes);
  for (const std::string& intact : {whole_, unfinished}) {
    for (size_t at = kCaptureFileHeaderBytes; at < intact.size(); ++at) {
      std::string bytes = intact;
      bytes[at] = static_cast<char>(bytes[at] ^ (1 << (at % 8)));
      rewrite(bytes);
      const auto read = contents(file_).messages;
      EXPECT_TRUE(is_part_of(read, messages_)) << at;
      EXPECT_LE(CaptureReader(file_).origins().size(), 1u) << at;
    }
  }
  for (size_t at = 0; at < kCaptureFileHeaderBytes; ++at) {
    std::string bytes = whole_;
    bytes[at] = static_cast<char>(bytes[at] ^ 1);
    rewrite(bytes);
    EXPECT_THROW(contents(file_), DataError) << at;
  }
}

TEST_F(CaptureTest, ADamagedBlockCostsItsOwnMessageOnly) {
  std::filesystem::remove(file_);
  {
    CaptureWriter writer(file_, kOrigin);
    uint64_t offset = 0;
    for (const std::string& bytes : {test::zmtp_stream("worker 1", {messages_[0]}), test::zmtp_message(messages_[1]),
                                     test::zmtp_message(messages_[2])}) {
      writer.data(1, Direction::up, offset, bytes, 1);
      offset += bytes.size();
    }
  }
  std::string bytes = read_file(file_);
  bytes[CaptureReader(file_).blocks()[2].position + kBlockHeaderBytes + 5] ^= 1;
  rewrite(bytes);
  const auto read = contents(file_);
  EXPECT_EQ(read.messages, (std::vector<Message>{messages_[0], messages_[2]}));
  EXPECT_TRUE(std::ranges::any_of(read.units,
                                  [](const CapturedUnit& unit) { return unit.kind == ZmtpUnit::Kind::unreadable; }));
}

TEST_F(CaptureTest, ADamagedIndexIsReplacedByGoingThroughTheBlocks) {
  const size_t index = parse_header(std::string_view(whole_).substr(whole_.size() - kBlockHeaderBytes)).offset;
  for (const size_t at : {index + 20, index + kBlockHeaderBytes + 3}) {  // its header, its content
    std::string bytes = whole_;
    bytes[at] = static_cast<char>(bytes[at] ^ 1);
    rewrite(bytes);
    EXPECT_EQ(contents(file_).messages, messages_) << at;
  }
}

TEST_F(CaptureTest, ADamagedHeaderIsPassedOverAndNothingIsAppended) {
  rewrite(whole_.substr(0, whole_.size() - kBlockHeaderBytes));  // no index leads past it
  std::string bytes = read_file(file_);
  const auto blocks = CaptureReader(file_).blocks();
  const size_t data = blocks[4].position;
  bytes[data] = static_cast<char>(bytes[data] ^ 1);
  rewrite(bytes);
  const CaptureReader reader(file_);
  EXPECT_TRUE(reader.damaged());
  ASSERT_EQ(reader.blocks().size(), blocks.size() - 1);
  EXPECT_EQ(reader.blocks()[4].position, blocks[5].position);
  EXPECT_THROW(CaptureWriter(file_, kOrigin), DataError);
  EXPECT_EQ(read_file(file_), bytes);
}

TEST_F(CaptureTest, WhereEverythingBehindAHeaderIsDamagedTheReadingEnds) {
  const auto blocks = CaptureReader(file_).blocks();
  std::string bytes = whole_.substr(0, blocks[4].position) + std::string(2 * kMaxBlockBytes + 7, 'A');
  bytes += "ALBK";
  rewrite(bytes);
  const CaptureReader reader(file_);
  EXPECT_EQ(reader.blocks().size(), 4u);
  EXPECT_THAT(*reader.cut(), HasSubstr("damaged"));
}

TEST_F(CaptureTest, AWriterThatTheDiskFailsLeavesACaptureThatCanBeContinued) {
  const std::string stream = test::zmtp_stream("worker 1", messages_);
  std::filesystem::remove(file_);
  {
    CaptureWriter writer(file_, kOrigin);
    const archleak::test::FullDisk full(std::filesystem::file_size(file_) + kBlockHeaderBytes + 10);
    EXPECT_THROW(writer.data(1, Direction::up, 0, stream, 1), Error);
    EXPECT_THROW(writer.data(1, Direction::up, 0, "x", 1), Error) << "it has ended";
  }
  EXPECT_FALSE(CaptureReader(file_).damaged());
  {
    CaptureWriter writer(file_, kOrigin);
    record(writer, stream);
  }
  EXPECT_FALSE(CaptureReader(file_).damaged());
  EXPECT_EQ(contents(file_).messages, messages_);
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
  EXPECT_TRUE(CaptureReader(file_).damaged());
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

TEST(Capture, ADamagedGapIsKnownByWhatFollowsIt) {
  const archleak::test::TemporaryFolder folder;
  const auto file = folder / "gap.alcap";
  const std::string first = test::zmtp_stream("w", {Flush{.round = 1}}), last = test::zmtp_message(Flush{.round = 3});
  {
    CaptureWriter writer(file, kOrigin);
    writer.data(1, Direction::up, 0, first, 1);
    writer.gap(1, Direction::up, first.size(), 30, 2);
    writer.data(1, Direction::up, first.size() + 30, last, 3);
  }
  std::string bytes = read_file(file);
  const auto blocks = CaptureReader(file).blocks();
  bytes[blocks[2].position + kBlockHeaderBytes] ^= 1;
  write_file_atomically(file, bytes);
  EXPECT_EQ(contents(file).messages, (std::vector<Message>{Flush{.round = 1}, Flush{.round = 3}}));
}

TEST(Capture, ADamagedOriginIsSaidToBe) {
  const archleak::test::TemporaryFolder folder;
  const auto file = folder / "origin.alcap";
  { CaptureWriter writer(file, kOrigin); }
  std::string bytes = read_file(file);
  bytes[kCaptureFileHeaderBytes + kBlockHeaderBytes + 2] ^= 1;
  write_file_atomically(file, bytes);
  ASSERT_EQ(CaptureReader(file).origins().size(), 1u);
  EXPECT_THAT(CaptureReader(file).origins()[0].source, HasSubstr("damaged"));
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
