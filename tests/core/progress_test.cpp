#include "core/progress.h"

#include <gmock/gmock.h>

#include <memory>

namespace archleak {
namespace {

using testing::StartsWith;

std::string text_of(std::FILE* stream) {
  std::rewind(stream);
  std::string text(4096, '\0');
  text.resize(std::fread(text.data(), 1, text.size(), stream));
  return text;
}

struct Close {
  void operator()(std::FILE* stream) const { std::fclose(stream); }
};
using Stream = std::unique_ptr<std::FILE, Close>;

TEST(Progress, TheLineSaysHowFarHowFastAndHowLong) {
  const Stream stream(std::tmpfile());
  Progress progress("search", "rounds", 20, 0, stream.get());
  progress.advance(5, "accuracy 0.91");
  EXPECT_EQ(progress.line(2.5), "search 5/20 rounds (25 %), 2.0 rounds/s, 8 s left, accuracy 0.91");
}

TEST(Progress, SlowJobsShowSecondsForEachStep) {
  const Stream stream(std::tmpfile());
  Progress progress("search", "rounds", 20, 0, stream.get());
  progress.advance(2);
  EXPECT_EQ(progress.line(100), "search 2/20 rounds (10 %), 50.0 s each, 15 min 00 s left");
}

TEST(Progress, WhatAnEarlierRunDidDoesNotEnterTheRate) {
  const Stream stream(std::tmpfile());
  Progress progress("search", "rounds", 20, 10, stream.get());
  EXPECT_EQ(progress.line(10), "search 10/20 rounds (50 %), 0.0 rounds/s, ? left");
  progress.advance(5);
  EXPECT_EQ(progress.line(5), "search 15/20 rounds (75 %), 1.0 rounds/s, 5 s left");
}

TEST(Progress, NothingToDoIsDone) {
  const Stream stream(std::tmpfile());
  const Progress progress("search", "rounds", 0, 0, stream.get());
  EXPECT_EQ(progress.line(1), "search 0/0 rounds (100 %), 0.0 rounds/s, 0 s left");
}

TEST(Progress, ItNeverCountsPastTheTotal) {
  const Stream stream(std::tmpfile());
  Progress progress("search", "rounds", 3, 0, stream.get());
  progress.advance(7);
  EXPECT_THAT(progress.line(1), StartsWith("search 3/3 rounds (100 %)"));
}

TEST(Progress, AFileGetsOneLastLineAndNoControlCharacters) {
  const Stream stream(std::tmpfile());
  {
    Progress progress("search", "rounds", 2, 0, stream.get());
    progress.advance(2, "done");
    progress.finish();
  }
  const std::string text = text_of(stream.get());
  EXPECT_THAT(text, StartsWith("search 2/2 rounds (100 %)"));
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 1);
  EXPECT_EQ(text.find('\r'), std::string::npos);
  EXPECT_EQ(text.find('\033'), std::string::npos);
}

TEST(Progress, DurationsReadNaturally) {
  EXPECT_EQ(format_duration(12.4), "12 s");
  EXPECT_EQ(format_duration(59.6), "1 min 00 s");
  EXPECT_EQ(format_duration(200), "3 min 20 s");
  EXPECT_EQ(format_duration(3720), "1 h 02 min");
  EXPECT_EQ(format_duration(-1), "?");
  EXPECT_EQ(format_duration(std::numeric_limits<double>::quiet_NaN()), "?");
  EXPECT_EQ(format_duration(std::numeric_limits<double>::infinity()), "?");
}

}  // namespace
}  // namespace archleak
