#include "server/smash_search.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>

#include "core/bytes.h"
#include "core/random.h"

namespace archleak::server {

SmashSearch::SmashSearch(const nas::SmashOptions& options, int64_t steps, int64_t multiplier, uint64_t seed,
                         int64_t rounds)
    : options_(options), steps_(steps), multiplier_(multiplier), seed_(seed), rounds_(rounds) {
  RandomEngine engine = make_engine({.seed = seed_, .purpose = "candidates"});
  for (int64_t i = 0; i < options_.random; ++i) {
    candidates_.push_back(nas::choice_of(nas::random_genotype(steps_, engine), steps_));
  }
  best_ = candidates_.at(0);
}

std::string SmashSearch::instruction(int64_t, int64_t) const {
  return nas::encode(nas::RandomSubNetworks{steps_});
}

std::vector<Question> SmashSearch::ask(int64_t round, std::span<const int64_t> clients) {
  std::vector<Question> questions;
  if (round + 1 < rounds_ || phase_ == Phase::done) return questions;
  for (const int64_t client : clients) questions.push_back({.client = client, .candidates = candidates_});
  return questions;
}

std::optional<StrategyEvent> SmashSearch::hear(int64_t round, const std::vector<Answer>& answers) {
  const auto accuracies = accuracy_of_candidates(answers);
  const auto best = std::max_element(accuracies.begin(), accuracies.end());
  if (*best > best_accuracy_) {
    best_accuracy_ = *best;
    best_ = candidates_.at(static_cast<size_t>(best - accuracies.begin()));
  }
  candidates_.clear();
  if (phase_ == Phase::random && options_.perturbed > 0) {
    phase_ = Phase::perturbed;
    RandomEngine engine = make_engine({.seed = seed_, .purpose = "perturbed candidates"});
    for (int64_t i = 0; i < options_.perturbed; ++i) candidates_.push_back(nas::perturbed(best_, steps_, engine));
  } else {
    phase_ = Phase::done;
  }
  return StrategyEvent{.kind = "ranked",
                       .fields = {{"round", round}, {"candidates", accuracies.size()}, {"accuracy", best_accuracy_}}};
}

std::string SmashSearch::evaluated() const {
  return nas::encode(best_);
}

std::optional<double> SmashSearch::entropy(const std::vector<torch::Tensor>&) const {
  return std::nullopt;
}

std::optional<nas::Genotype> SmashSearch::genotype() const {
  return nas::genotype_of(best_, steps_, multiplier_);
}

std::string SmashSearch::save() const {
  ByteWriter writer;
  writer.u32(phase_ == Phase::done);
  writer.text(nas::encode_choice(best_));
  return writer.take();
}

void SmashSearch::load(std::string_view bytes) {
  ByteReader reader(bytes, "SMASH");
  const bool done = reader.u32() != 0;
  const auto best = nas::decode_choice(reader.text());
  reader.expect_end();
  *this = SmashSearch(options_, steps_, multiplier_, seed_, rounds_);  // a ranking that was broken off begins again
  if (best.size() != best_.size()) {
    reader.fail(fmt::format("a sub-network of {} edges", best_.size()), fmt::format("one of {}", best.size()));
  }
  best_ = best;
  if (done) phase_ = Phase::done;
}

}  // namespace archleak::server
