#include "client/slots.h"

#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <set>

#include "core/error.h"

namespace archleak::client {
namespace {

class Counting : public Workload {
 public:
  int64_t model_size() const override { return 0; }
  int64_t update_size() const override { return 0; }
  void load(std::span<const float>) override {}
  ClientOutcome train(const ClientTask&, std::span<float>) override { return {}; }
  Evaluation evaluate(int64_t, int64_t, const std::string&) override { return {}; }
};

TEST(Slots, RunEveryJobAndMakeNoMoreWorkloadsThanSlots) {
  std::atomic<int> made{0};
  std::atomic<int> ran{0};
  {
    Slots slots(
        3,
        [&] {
          ++made;
          return std::make_unique<Counting>();
        },
        [](std::exception_ptr) {});
    for (int i = 0; i < 200; ++i) slots.submit([&](Workload&) { ++ran; });
  }
  EXPECT_EQ(ran, 200);
  EXPECT_GE(made, 1);
  EXPECT_LE(made, 3);
}

TEST(Slots, RunAsManyJobsSideBySideAsThereAreSlots) {
  constexpr int kSlots = 4;
  std::mutex mutex;
  std::condition_variable all_here;
  int here = 0;
  {
    // Each job waits until all four run: this test ends only if they do run side by side.
    Slots slots(
        kSlots, [] { return std::make_unique<Counting>(); }, [](std::exception_ptr) {});
    for (int i = 0; i < kSlots; ++i) {
      slots.submit([&](Workload&) {
        std::unique_lock lock(mutex);
        ++here;
        all_here.notify_all();
        all_here.wait(lock, [&] { return here == kSlots; });
      });
    }
  }
  EXPECT_EQ(here, kSlots);
}

TEST(Slots, OfSeveralWorkersInOneProcessRunSideBySide) {
  std::mutex mutex;
  std::condition_variable all_here;
  int here = 0;
  const auto wait_for_the_others = [&](Workload&) {
    std::unique_lock lock(mutex);
    ++here;
    all_here.notify_all();
    all_here.wait(lock, [&] { return here == 3; });
  };
  {
    const auto make = [] { return std::make_unique<Counting>(); };
    Slots first(1, make, [](std::exception_ptr) {});
    Slots second(2, make, [](std::exception_ptr) {});
    first.submit(wait_for_the_others);
    for (int i = 0; i < 2; ++i) second.submit(wait_for_the_others);
  }
  EXPECT_EQ(here, 3);
}

TEST(Slots, NoWorkloadServesTwoJobsAtOnce) {
  std::mutex mutex;
  std::set<Workload*> busy;
  bool shared = false;
  {
    Slots slots(
        4, [] { return std::make_unique<Counting>(); }, [](std::exception_ptr) {});
    for (int i = 0; i < 100; ++i) {
      slots.submit([&](Workload& workload) {
        {
          const std::lock_guard lock(mutex);
          shared |= !busy.insert(&workload).second;
        }
        std::this_thread::yield();
        const std::lock_guard lock(mutex);
        busy.erase(&workload);
      });
    }
  }
  EXPECT_FALSE(shared);
}

TEST(Slots, ReportWhatAJobThrowsAndGoOn) {
  std::atomic<int> errors{0};
  std::atomic<int> ran{0};
  {
    Slots slots(
        1, [] { return std::make_unique<Counting>(); }, [&](std::exception_ptr) { ++errors; });
    slots.submit([](Workload&) { throw Error("bad"); });
    slots.submit([&](Workload&) { ++ran; });
  }
  EXPECT_EQ(errors, 1);
  EXPECT_EQ(ran, 1);
}

}  // namespace
}  // namespace archleak::client
