#pragma once
#include <oneapi/tbb/task_arena.h>
#include <oneapi/tbb/task_group.h>

#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "client/workload.h"

namespace archleak::client {

/// Threads for slots, beyond those that the machine has cores, while this lives.
class SlotThreads {
 public:
  explicit SlotThreads(int slots);
  ~SlotThreads();
  SlotThreads(const SlotThreads&) = delete;
  SlotThreads& operator=(const SlotThreads&) = delete;

 private:
  int slots_;
};

/// Runs simulated clients side by side: `slots` threads, each with a workload of its own.
class Slots {
 public:
  using Job = std::function<void(Workload&)>;

  /// `on_error` is called, on a slot's thread, with what a job or the making of a workload threw.
  Slots(int slots, std::function<std::unique_ptr<Workload>()> make_workload,
        std::function<void(std::exception_ptr)> on_error);

  /// Waits for the jobs that were submitted.
  ~Slots();

  /// Runs `job` on a free slot, in the order of submission.
  void submit(Job job);

 private:
  void run(const Job& job);

  std::function<std::unique_ptr<Workload>()> make_workload_;
  std::function<void(std::exception_ptr)> on_error_;
  SlotThreads threads_;
  oneapi::tbb::task_arena arena_;
  oneapi::tbb::task_group group_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<Workload>> free_;
  std::deque<Job> waiting_;
  int idle_;
};

}  // namespace archleak::client
