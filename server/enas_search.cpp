#include "server/enas_search.h"

#include <algorithm>

#include "core/bytes.h"
#include "core/torch_random.h"

namespace archleak::server {

EnasSearch::EnasSearch(const nas::EnasOptions& options, int64_t steps, int64_t multiplier, uint64_t seed,
                       int64_t rounds)
    : options_(options),
      steps_(steps),
      multiplier_(multiplier),
      seed_(seed),
      rounds_(rounds),
      controller_(steps, make_torch_generator({.seed = seed, .purpose = "controller"})),
      trainer_(controller_, options.controller_lr, options.entropy_weight) {}

nas::Choice EnasSearch::sub_network(int64_t round, int64_t client) const {
  RandomEngine engine = make_engine({.seed = seed_, .round = round, .client = client, .purpose = "sub-network"});
  return controller_.sample(engine).choice;
}

std::string EnasSearch::instruction(int64_t round, int64_t client) const {
  return nas::encode(sub_network(round, client));
}

std::vector<Question> EnasSearch::ask(int64_t round, std::span<const int64_t> clients) {
  asked_.clear();
  std::vector<Question> questions;
  if (step_ < options_.controller_steps) {
    for (const int64_t client : clients) {
      RandomEngine engine = make_engine(
          {.seed = seed_, .round = round, .client = client, .purpose = "sub-networks to try", .index = step_});
      Question& question = questions.emplace_back(Question{.client = client, .candidates = {}});
      for (int64_t i = 0; i < options_.samples; ++i) {
        asked_[client].push_back(controller_.sample(engine));
        question.candidates.push_back(asked_[client].back().choice);
      }
    }
  } else if (round + 1 == rounds_ && best_.empty()) {
    RandomEngine engine = make_engine({.seed = seed_, .round = round, .purpose = "candidates"});
    for (int64_t i = 0; i < options_.candidates; ++i) candidates_.push_back(controller_.sample(engine).choice);
    for (const int64_t client : clients) questions.push_back({.client = client, .candidates = candidates_});
  } else {
    step_ = 0;
  }
  return questions;
}

std::optional<StrategyEvent> EnasSearch::hear(int64_t round, const std::vector<Answer>& answers) {
  if (!candidates_.empty()) {
    const auto accuracies = accuracy_of_candidates(answers);
    const auto best = std::max_element(accuracies.begin(), accuracies.end());
    best_ = candidates_.at(static_cast<size_t>(best - accuracies.begin()));
    candidates_.clear();
    return StrategyEvent{.kind = "ranked",
                         .fields = {{"round", round}, {"candidates", accuracies.size()}, {"accuracy", *best}}};
  }
  std::vector<std::vector<int64_t>> samples;
  std::vector<double> rewards;
  for (const auto& answer : answers) {
    const auto& asked = asked_.at(answer.client);
    for (size_t i = 0; i < asked.size(); ++i) {
      samples.push_back(asked[i].decisions);
      rewards.push_back(answer.correct[i] / static_cast<double>(answer.examples));
    }
  }
  trainer_.step(samples, rewards);
  ++step_;
  return std::nullopt;
}

nas::Choice EnasSearch::current() const {
  return best_.empty() ? controller_.likeliest().choice : best_;
}

std::string EnasSearch::evaluated() const {
  return nas::encode(current());
}

std::optional<double> EnasSearch::entropy(const std::vector<torch::Tensor>&) const {
  const auto likelihood = controller_.likelihood(controller_.likeliest().decisions);
  return likelihood.entropy / static_cast<double>(controller_.decision_count());
}

std::optional<nas::Genotype> EnasSearch::genotype() const {
  return nas::genotype_of(current(), steps_, multiplier_);
}

std::string EnasSearch::save() const {
  ByteWriter writer;
  writer.text(trainer_.save());
  writer.text(nas::encode_choice(best_));
  return writer.take();
}

void EnasSearch::load(std::string_view bytes) {
  ByteReader reader(bytes, "ENAS");
  const auto trainer = reader.text();
  const auto best = nas::decode_choice(reader.text());
  reader.expect_end();
  trainer_.load(trainer);
  best_ = best;
  step_ = 0;
  asked_.clear();
  candidates_.clear();
}

}  // namespace archleak::server
