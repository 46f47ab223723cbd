#pragma once
#include <cstdint>
#include <mutex>
#include <optional>
#include <set>
#include <vector>

namespace archleak::sim {

/// Deals trials to threads. Trials of one seed often need the same models, and then wait for each other
/// (sim/model_store.h): the first trial in line whose seed nobody is at goes first, without one the first in line.
class TrialQueue {
 public:
  /// `seeds` has a seed for each trial, in the order in which they are wanted.
  explicit TrialQueue(std::vector<uint64_t> seeds);

  /// The index of a trial that nobody has had; nothing when there is none left.
  std::optional<size_t> take();

  /// Says that a trial which was taken has ended.
  void end(size_t trial);

  /// From now on there is none left.
  void close();

 private:
  std::mutex mutex_;
  std::vector<uint64_t> seeds_;
  std::vector<size_t> line_;         ///< not taken yet, in order
  std::multiset<uint64_t> at_work_;  ///< seeds of those that were taken and have not ended
};

}  // namespace archleak::sim
