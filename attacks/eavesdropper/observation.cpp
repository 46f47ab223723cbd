#include "attacks/eavesdropper/observation.h"

#include <spdlog/fmt/fmt.h>

#include <cmath>

#include "core/error.h"

namespace archleak::attacks {

Observation::Observation(const std::filesystem::path& capture, const wire::Limits& limits)
    : reader_(capture), lookup_(reader_, limits) {
  wire::CaptureMessages units(reader_, limits);
  while (const auto unit = units.next()) take(*unit);
}

void Observation::take(const wire::CapturedUnit& unit) {
  ciphertexts_ += unit.kind == wire::ZmtpUnit::Kind::ciphertext;
  unreadable_ += unit.kind == wire::ZmtpUnit::Kind::unreadable;
  if (!unit.message) return;
  ++messages_;
  if (const auto* welcome = std::get_if<wire::Welcome>(&*unit.message)) {
    if (!welcome_) welcome_ = *welcome;
    several_runs_ = several_runs_ || welcome->config != welcome_->config || welcome->layout != welcome_->layout;
  } else if (const auto* model = std::get_if<wire::Model>(&*unit.message)) {
    rounds_[model->round].models.push_back(unit.place);
  } else if (const auto* outcome = std::get_if<wire::Outcome>(&*unit.message)) {
    take(unit, *outcome);
  } else if (const auto* sum = std::get_if<wire::PartialSum>(&*unit.message)) {
    take(unit, *sum);
  }
}

void Observation::take(const wire::CapturedUnit& unit, const wire::Outcome& outcome) {
  SeenUpdate seen{.round = outcome.round,
                  .client = outcome.client,
                  .weight = outcome.weight,
                  .task = outcome.task,
                  .attempt = outcome.attempt,
                  .worker = unit.worker,
                  .bytes = unit.place.bytes,
                  .metrics = outcome.metrics,
                  .place = unit.place};
  if (outcome.update.empty()) {  // of an evaluation, or part of a sum
    summed_.insert_or_assign(outcome.task, std::move(seen));
    return;
  }
  SeenRound& round = rounds_[outcome.round];
  (outcome.masked ? round.masked : round.updates).push_back(std::move(seen));
}

void Observation::take(const wire::CapturedUnit& unit, const wire::PartialSum& sum) {
  if (sum.sums.empty()) return;
  SeenRound& round = rounds_[sum.round];
  const auto only = sum.tasks.size() == 1 ? summed_.find(sum.tasks.front()) : summed_.end();
  if (only != summed_.end() && only->second.round == sum.round && sum.weight > 0) {
    SeenUpdate seen = only->second;
    seen.bytes = unit.place.bytes;
    seen.place = unit.place;
    round.updates.push_back(std::move(seen));
    return;
  }
  round.sums.push_back({.round = sum.round,
                        .weight = sum.weight,
                        .scale_bits = sum.scale_bits,
                        .tasks = sum.tasks,
                        .worker = unit.worker,
                        .place = unit.place});
}

std::optional<ProtocolOptions> Observation::protocol() const {
  if (!welcome_) return std::nullopt;
  Config config = Config::parse(welcome_->config, "configuration on the wire");
  ProtocolOptions options;
  describe(config.section("federation"), options);
  return options;
}

std::string Observation::blindness() const {
  size_t masked = 0;
  bool readable = false;
  for (const auto& [number, round] : rounds_) {
    masked += round.masked.size();
    readable = readable || !round.updates.empty() || !round.sums.empty();
  }
  if (!readable && masked > 0) {
    return fmt::format("no update to read: {} went by, all of them masked (secure aggregation)", masked);
  }
  if (!rounds_.empty()) return {};
  if (ciphertexts_ > 0) {
    return fmt::format("nothing to read: {} frames, all of them ciphertext (CURVE)", ciphertexts_);
  }
  return fmt::format("nothing to read: no model and no update in {} messages", messages_);
}

wire::Payload Observation::floats(const wire::CapturePlace& place) const {
  const wire::Message message = lookup_.message(place);
  if (const auto* model = std::get_if<wire::Model>(&message)) return model->values;
  const auto* outcome = std::get_if<wire::Outcome>(&message);
  if (outcome && !outcome->masked) return outcome->update;
  const auto* sum = std::get_if<wire::PartialSum>(&message);
  if (sum && sum->tasks.size() == 1 && sum->weight > 0) {
    const double unit = std::ldexp(static_cast<double>(sum->weight), sum->scale_bits);
    std::vector<float> values;
    values.reserve(sum->sums.integers().size());
    for (const int64_t value : sum->sums.integers()) {
      values.push_back(static_cast<float>(static_cast<double>(value) / unit));
    }
    return wire::Payload::own(std::move(values));
  }
  throw DataError(fmt::format("{}: expected a model or an update at byte {} of connection {}, got another message",
                              reader_.file().string(), place.offset, place.stream.connection));
}

wire::Payload Observation::integers(const wire::CapturePlace& place) const {
  const wire::Message message = lookup_.message(place);
  if (const auto* sum = std::get_if<wire::PartialSum>(&message)) return sum->sums;
  const auto* outcome = std::get_if<wire::Outcome>(&message);
  if (outcome && outcome->masked) return outcome->update;
  throw DataError(
      fmt::format("{}: expected a partial sum or a masked update at byte {} of connection {}, got another message",
                  reader_.file().string(), place.offset, place.stream.connection));
}

}  // namespace archleak::attacks
