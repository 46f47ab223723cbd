#pragma once
#include <sys/eventfd.h>
#include <unistd.h>

#include <cstdint>
#include <mutex>
#include <utility>
#include <vector>

#include "core/error.h"

namespace archleak::client {

/// A queue from any thread to the one that waits for `wake_fd()` to become readable.
template <typename T>
class Mailbox {
 public:
  Mailbox() : wake_fd_(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
    if (wake_fd_ < 0) throw Error("mailbox: cannot make an eventfd");
  }
  ~Mailbox() { close(wake_fd_); }
  Mailbox(const Mailbox&) = delete;
  Mailbox& operator=(const Mailbox&) = delete;

  int wake_fd() const { return wake_fd_; }

  void put(T item) {
    {
      const std::lock_guard lock(mutex_);
      items_.push_back(std::move(item));
    }
    const uint64_t one = 1;
    [[maybe_unused]] const ssize_t written = write(wake_fd_, &one, sizeof one);
  }

  /// Everything that has come since the last call, in the order it came.
  std::vector<T> take() {
    uint64_t count = 0;
    [[maybe_unused]] const ssize_t got = read(wake_fd_, &count, sizeof count);
    const std::lock_guard lock(mutex_);
    return std::exchange(items_, {});
  }

 private:
  int wake_fd_;
  std::mutex mutex_;
  std::vector<T> items_;
};

}  // namespace archleak::client
