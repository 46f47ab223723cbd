#include "client/slots.h"

#include <oneapi/tbb/global_control.h>

#include <optional>

namespace archleak::client {
namespace {

/// oneTBB's limit is the least of those that are set, and one for the whole process: where several workers share it
/// (inproc), each with a limit of its own, they would wait for one another's clients.
struct ProcessLimit {
  std::mutex mutex;
  int slots = 0;
  std::optional<oneapi::tbb::global_control> limit;

  void add(int more) {
    const std::lock_guard lock(mutex);
    slots += more;
    limit.reset();
    if (slots == 0) return;
    limit.emplace(oneapi::tbb::global_control::max_allowed_parallelism, static_cast<size_t>(slots) + 1);
  }
};

ProcessLimit& process_limit() {
  static ProcessLimit limit;
  return limit;
}

}  // namespace

SlotThreads::SlotThreads(int slots) : slots_(slots) {
  process_limit().add(slots_);
}

SlotThreads::~SlotThreads() {
  process_limit().add(-slots_);
}

Slots::Slots(int slots, std::function<std::unique_ptr<Workload>()> make_workload,
             std::function<void(std::exception_ptr)> on_error)
    : make_workload_(std::move(make_workload)),
      on_error_(std::move(on_error)),
      threads_(slots),
      arena_(slots, 0),
      idle_(slots) {}

Slots::~Slots() {
  arena_.execute([this] { group_.wait(); });
}

void Slots::submit(Job job) {
  {
    const std::lock_guard lock(mutex_);
    waiting_.push_back(std::move(job));
    if (idle_ == 0) return;
    --idle_;
  }
  arena_.enqueue(group_.defer([this] {
    std::unique_lock lock(mutex_);
    while (!waiting_.empty()) {
      const Job next = std::move(waiting_.front());
      waiting_.pop_front();
      lock.unlock();
      run(next);
      lock.lock();
    }
    ++idle_;
  }));
}

void Slots::run(const Job& job) {
  try {
    std::unique_ptr<Workload> workload;
    {
      const std::lock_guard lock(mutex_);
      if (!free_.empty()) {
        workload = std::move(free_.back());
        free_.pop_back();
      }
    }
    if (!workload) workload = make_workload_();
    job(*workload);
    const std::lock_guard lock(mutex_);
    free_.push_back(std::move(workload));
  } catch (...) {
    on_error_(std::current_exception());
  }
}

}  // namespace archleak::client
