#include "server/aggregate.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/clip.h"
#include "core/error.h"

namespace archleak::server {
namespace {

std::optional<std::string> flaw(std::span<const float> values, int64_t expected_size, int64_t samples) {
  if (static_cast<int64_t>(values.size()) != expected_size) {
    return fmt::format("expected {} values, got {}", expected_size, values.size());
  }
  if (samples < 0) return fmt::format("expected at least 0 samples, got {}", samples);
  const auto bad = std::find_if(values.begin(), values.end(), [](float value) { return !std::isfinite(value); });
  if (bad != values.end()) return fmt::format("expected finite values, got {} at {}", *bad, bad - values.begin());
  return std::nullopt;
}

/// The message of the DataError that `action` ends with, if it does.
template <typename Action>
std::optional<std::string> refusal_of(Action action) {
  try {
    action();
  } catch (const DataError& error) {
    return error.what();
  }
  return std::nullopt;
}

}  // namespace

Aggregator::Aggregator(const UpdateLayout& layout, const ProtocolOptions& protocol, const RobustOptions& robust,
                       std::vector<float> center)
    : layout_(layout),
      protocol_(protocol),
      robust_(robust),
      sum_(static_cast<size_t>(layout.size()), protocol.scale_bits) {
  if (protocol.fidelity == Fidelity::fused && needs_single_updates(robust)) validate(robust, protocol.fidelity, 0);
  reset(std::move(center));
}

void Aggregator::reset(std::vector<float> center) {
  if (!center.empty() && static_cast<int64_t>(center.size()) != layout_.trained()) {
    throw Error(fmt::format("aggregate: expected a center of {} values, got {}", layout_.trained(), center.size()));
  }
  center_ = std::move(center);
  sum_.reset();
  singles_.clear();
  clients_.clear();
  single_weight_ = updates_ = refused_ = clipped_ = 0;
}

std::optional<std::string> Aggregator::add(int64_t client, std::span<const float> values, int64_t samples) {
  auto reason = flaw(values, layout_.size(), samples);
  if (!reason && clients_.contains(client)) reason = fmt::format("expected one update of client {}, got two", client);
  const int64_t weight = update_weight(protocol_.weighting, samples);
  if (!reason && !needs_single_updates(robust_)) {
    reason = refusal_of([&] { sum_.add(values, weight); });
  } else if (!reason) {
    Single single{{values.begin(), values.end()}, weight};
    const auto trained = std::span(single.values).first(static_cast<size_t>(layout_.trained()));
    const bool clip = robust_.norm_bound > 0 && clip_to_norm(trained, center_, robust_.norm_bound) > robust_.norm_bound;
    if (robust_.rule == RobustRule::mean) {
      reason = refusal_of([&] { sum_.add(single.values, weight); });
    } else {
      single_weight_ += weight;
      singles_.emplace(client, std::move(single));
    }
    if (!reason && clip) ++clipped_;
  }
  if (reason) {
    ++refused_;
    return reason;
  }
  clients_.insert(client);
  ++updates_;
  return std::nullopt;
}

std::optional<std::string> Aggregator::add_partial(std::span<const int64_t> sums, int64_t weight, int64_t bound,
                                                   int scale_bits, int64_t updates) {
  std::optional<std::string> reason;
  if (needs_single_updates(robust_)) {
    reason = "expected single updates for the robust rule, got a partial sum";
  } else if (scale_bits != sum_.scale_bits()) {
    reason = fmt::format("expected scale 2^{}, got 2^{}", sum_.scale_bits(), scale_bits);
  } else if (updates < 1) {
    reason = fmt::format("expected a sum of at least 1 update, got {}", updates);
  } else {
    reason = refusal_of([&] { sum_.add(sums, weight, bound); });
  }
  if (reason) {
    ++refused_;
    return reason;
  }
  updates_ += updates;
  return std::nullopt;
}

std::optional<std::string> Aggregator::add_unmasked(std::span<const int64_t> sums, int64_t weight, int64_t updates) {
  int64_t lowest = 0;  // of -|x|, which there is for every int64
  for (const int64_t sum : sums) lowest = std::min(lowest, sum < 0 ? sum : -sum);
  if (lowest == std::numeric_limits<int64_t>::min()) return "expected a sum within 63 bits, got one beyond";
  return add_partial(sums, weight, -lowest, sum_.scale_bits(), updates);
}

int64_t Aggregator::weight() const {
  return singles_.empty() ? sum_.weight() : single_weight_;
}

std::vector<float> Aggregator::mean() const {
  return singles_.empty() ? sum_.mean() : robust_mean();
}

std::vector<float> Aggregator::robust_mean() const {
  std::vector<std::span<const float>> updates;
  std::vector<std::span<const float>> trained;
  std::vector<int64_t> weights;
  for (const auto& [client, single] : singles_) {
    updates.emplace_back(single.values);
    trained.push_back(updates.back().first(static_cast<size_t>(layout_.trained())));
    weights.push_back(single.weight);
  }
  if (robust_.rule == RobustRule::median) return coordinate_median(updates);
  if (robust_.rule == RobustRule::trimmed_mean) return trimmed_mean(updates, robust_.trim);
  const auto count = static_cast<int64_t>(updates.size());
  const int64_t selected = robust_.rule == RobustRule::krum ? 1
                           : robust_.selected > 0           ? robust_.selected
                                                            : count - robust_.byzantine;
  FixedPointSum sum(static_cast<size_t>(layout_.size()), protocol_.scale_bits);
  for (const size_t i : krum_select(trained, robust_.byzantine, selected)) sum.add(updates[i], weights[i]);
  return sum.mean();
}

}  // namespace archleak::server
