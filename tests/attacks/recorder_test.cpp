#include "attacks/eavesdropper/recorder.h"

#include <gmock/gmock.h>

#include <latch>

#include "core/error.h"

namespace archleak::attacks {
namespace {

using wire::BlockType;
using wire::Direction;

/// A disk that stands still until it is released.
struct Disk {
  std::latch reached{1};
  std::latch released{1};
  std::vector<Record> written;

  std::function<void(const Record&)> write() {
    return [this](const Record& record) {
      if (written.empty()) {
        reached.count_down();
        released.wait();
      }
      written.push_back(record);
    };
  }
};

TEST(Recorder, WritesWhatItIsTold) {
  Disk disk;
  disk.released.count_down();
  Recorder recorder(disk.write(), 1 << 20);
  recorder.open(1, "peer");
  recorder.data(1, Direction::up, "abc");
  recorder.data(1, Direction::down, "x");
  recorder.data(1, Direction::up, "de");
  recorder.close(1, Direction::up);
  const RecordedBytes bytes = recorder.end();
  EXPECT_EQ(bytes.recorded, 6u);
  EXPECT_EQ(bytes.lost, 0u);
  ASSERT_EQ(disk.written.size(), 5u);
  EXPECT_EQ(disk.written[3].bytes, "de");
  EXPECT_EQ(disk.written[3].offset, 3u);
  EXPECT_EQ(disk.written[4].type, BlockType::close);
  EXPECT_EQ(disk.written[4].offset, 5u);
}

TEST(Recorder, ADiskThatStandsStillHoldsNothingUpAndTheLossIsRecorded) {
  Disk disk;
  Recorder recorder(disk.write(), 10000);
  recorder.data(1, Direction::up, "first");
  disk.reached.wait();
  const std::string block(1000, 'x');
  for (int i = 0; i < 100; ++i) recorder.data(1, Direction::up, block);  // returns though nothing is written
  disk.released.count_down();
  recorder.close(1, Direction::up);
  const RecordedBytes bytes = recorder.end();
  EXPECT_GT(bytes.lost, 80000u);
  EXPECT_EQ(bytes.recorded + bytes.lost, 5 + 100 * block.size());
  uint64_t offset = 0;
  uint64_t gaps = 0;
  for (const auto& record : disk.written) {
    EXPECT_EQ(record.offset, offset);
    offset += record.type == BlockType::gap ? record.lost : record.bytes.size();
    gaps += record.lost;
  }
  EXPECT_EQ(gaps, bytes.lost);
  EXPECT_EQ(offset, 5 + 100 * block.size());
}

TEST(Recorder, WhatIsLostAtTheEndIsRecordedToo) {
  Disk disk;
  Recorder recorder(disk.write(), 1000);
  recorder.open(1, "peer");
  disk.reached.wait();
  recorder.data(1, Direction::down, std::string(2000, 'x'));
  disk.released.count_down();
  EXPECT_EQ(recorder.end().lost, 2000u);
  EXPECT_EQ(disk.written.back().type, BlockType::gap);
  EXPECT_EQ(disk.written.back().lost, 2000u);
}

TEST(Recorder, ABrokenDiskEndsTheRecordingAndIsReported) {
  Recorder recorder([](const Record&) { throw Error("no space left"); }, 1 << 20);
  recorder.data(1, Direction::up, "abc");
  recorder.data(1, Direction::up, "de");
  const RecordedBytes bytes = recorder.end();
  EXPECT_EQ(bytes.lost, 5u);
  EXPECT_EQ(bytes.recorded, 0u);
  EXPECT_EQ(bytes.disk_failure, "no space left");
}

}  // namespace
}  // namespace archleak::attacks
