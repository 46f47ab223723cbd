#include "sim/tables/trial_queue.h"

#include <algorithm>
#include <numeric>

namespace archleak::sim {

TrialQueue::TrialQueue(std::vector<uint64_t> seeds) : seeds_(std::move(seeds)), line_(seeds_.size()) {
  std::iota(line_.begin(), line_.end(), size_t{0});
}

std::optional<size_t> TrialQueue::take() {
  const std::lock_guard lock(mutex_);
  if (line_.empty()) return std::nullopt;
  auto next = std::find_if(line_.begin(), line_.end(), [&](size_t trial) { return !at_work_.contains(seeds_[trial]); });
  if (next == line_.end()) next = line_.begin();
  const size_t trial = *next;
  line_.erase(next);
  at_work_.insert(seeds_[trial]);
  return trial;
}

void TrialQueue::end(size_t trial) {
  const std::lock_guard lock(mutex_);
  const auto seed = at_work_.find(seeds_[trial]);
  if (seed != at_work_.end()) at_work_.erase(seed);
}

void TrialQueue::close() {
  const std::lock_guard lock(mutex_);
  line_.clear();
}

}  // namespace archleak::sim
