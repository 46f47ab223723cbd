#include "core/folder_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "core/error.h"

namespace archleak {

FolderLock::FolderLock(const std::filesystem::path& folder) {
  std::filesystem::create_directories(folder);
  descriptor_ = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  int result = descriptor_ < 0 ? -1 : ::flock(descriptor_, LOCK_EX);
  while (result != 0 && descriptor_ >= 0 && errno == EINTR) result = ::flock(descriptor_, LOCK_EX);
  if (result == 0) return;
  const int reason = errno;
  if (descriptor_ >= 0) ::close(descriptor_);
  throw Error(folder.string() + ": cannot lock the folder: " + std::strerror(reason));
}

FolderLock::~FolderLock() {
  ::close(descriptor_);
}

}  // namespace archleak
