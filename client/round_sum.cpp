#include "client/round_sum.h"

namespace archleak::client {

bool RoundSum::add(int64_t round, uint64_t task, std::span<const float> update, int64_t weight) {
  if (round <= closed_) return false;
  if (!sum_) sum_.emplace(update.size(), scale_bits_);
  if (round != round_) restart(round);
  sum_->add(update, weight);
  tasks_.push_back(task);
  return true;
}

wire::PartialSum RoundSum::close(int64_t round) {
  wire::PartialSum message{.round = round, .tasks = {}, .weight = 0, .bound = 0, .scale_bits = scale_bits_, .sums = {}};
  if (sum_ && round == round_) {
    message.tasks = std::move(tasks_);
    message.weight = sum_->weight();
    message.bound = sum_->bound();
    message.sums = wire::Payload::own(std::vector<int64_t>(sum_->sums().begin(), sum_->sums().end()));
    restart(round);
  }
  closed_ = round;
  return message;
}

void RoundSum::restart(int64_t round) {
  sum_->reset();
  tasks_.clear();
  round_ = round;
}

}  // namespace archleak::client
