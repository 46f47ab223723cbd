#include "core/folder_lock.h"

#include <gtest/gtest.h>

#include <atomic>
#include <fstream>
#include <thread>
#include <vector>

#include "core/error.h"
#include "tests/support/paths.h"

namespace archleak {
namespace {

TEST(FolderLock, OneThreadAtATimeHasIt) {
  const test::TemporaryFolder folder;
  std::atomic<int> inside{0}, most{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int turn = 0; turn < 50; ++turn) {
        const FolderLock lock(folder / "new");
        most = std::max(most.load(), ++inside);
        std::this_thread::yield();
        --inside;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(most, 1);
}

TEST(FolderLock, LeavesNothingInTheFolder) {
  const test::TemporaryFolder folder;
  { const FolderLock lock(folder / "new"); }
  EXPECT_TRUE(std::filesystem::is_empty(folder / "new"));
}

TEST(FolderLock, AFileIsNoFolder) {
  const test::TemporaryFolder folder;
  std::ofstream(folder / "file") << "x";
  EXPECT_THROW(FolderLock(folder / "file"), std::exception);
}

}  // namespace
}  // namespace archleak
