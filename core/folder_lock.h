#pragma once
#include <filesystem>

namespace archleak {

/// Holds a folder against other threads and processes that lock it, too; waits until they are done. The folder's files
/// stay as they are, and the system lets go of the lock of a process that dies.
class FolderLock {
 public:
  /// Makes the folder if need be. Throws Error if it cannot be locked.
  explicit FolderLock(const std::filesystem::path& folder);
  ~FolderLock();
  FolderLock(const FolderLock&) = delete;
  FolderLock& operator=(const FolderLock&) = delete;

 private:
  int descriptor_;
};

}  // namespace archleak
