#include "core/file.h"

#include <gmock/gmock.h>

#include <future>
#include <string>

#include "core/error.h"
#include "tests/support/full_disk.h"
#include "tests/support/paths.h"

namespace archleak {
namespace {

using testing::HasSubstr;

size_t files_in(const std::filesystem::path& folder) {
  return static_cast<size_t>(std::distance(std::filesystem::directory_iterator(folder), {}));
}

TEST(File, ReadsBackWhatWasWritten) {
  const test::TemporaryFolder folder;
  const std::string content("line\nzero\0high\xff", 15);
  write_file_atomically(folder / "a", content);
  EXPECT_EQ(read_file(folder / "a"), content);
  write_file_atomically(folder / "a", "");
  EXPECT_EQ(read_file(folder / "a"), "");
  EXPECT_EQ(files_in(folder.path()), 1u);
}

TEST(File, ThreadsThatWriteItAtOnceAllSucceedAndOneOfThemIsTheLast) {
  const test::TemporaryFolder folder;
  const auto write = [&](char letter) {
    for (int i = 0; i < 50; ++i) write_file_atomically(folder / "a", std::string(100'000, letter));
  };
  auto first = std::async(std::launch::async, write, 'a');
  auto second = std::async(std::launch::async, write, 'b');
  EXPECT_NO_THROW(first.get());
  EXPECT_NO_THROW(second.get());
  const std::string content = read_file(folder / "a");
  EXPECT_EQ(content, std::string(100'000, content.front()));
  EXPECT_EQ(files_in(folder.path()), 1u);
}

TEST(File, AWriteThatFailsLeavesTheOldContentAndNothingElse) {
  const test::TemporaryFolder folder;
  write_file_atomically(folder / "a", "old");
  {
    const test::FullDisk disk(4096);
    EXPECT_THROW(write_file_atomically(folder / "a", std::string(1 << 20, 'x')), Error);
  }
  EXPECT_EQ(read_file(folder / "a"), "old");
  EXPECT_EQ(files_in(folder.path()), 1u);
}

TEST(File, ARenameThatFailsLeavesNoTemporaryFile) {
  const test::TemporaryFolder folder;
  std::filesystem::create_directories(folder / "taken" / "inside");
  EXPECT_THROW(write_file_atomically(folder / "taken", "new"), Error);
  EXPECT_TRUE(std::filesystem::is_directory(folder / "taken"));
  EXPECT_EQ(files_in(folder.path()), 1u);
}

TEST(File, AMissingFolderIsAnErrorThatNamesIt) {
  const test::TemporaryFolder folder;
  try {
    write_file_atomically(folder / "missing" / "a", "new");
    FAIL() << "expected an Error";
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr((folder / "missing").string()));
  }
}

TEST(File, WhatIsMissingOrNoFileOrTooLargeIsADataError) {
  const test::TemporaryFolder folder;
  EXPECT_THROW(read_file(folder / "missing"), DataError);
  EXPECT_THROW(read_file(folder.path()), DataError);
  write_file_atomically(folder / "a", "12345");
  EXPECT_EQ(read_file(folder / "a", 5), "12345");
  EXPECT_THROW(read_file(folder / "a", 4), DataError);
}

}  // namespace
}  // namespace archleak
