#include "server/progressive_search.h"

#include <spdlog/fmt/fmt.h>

#include <cmath>

#include "core/bytes.h"
#include "core/error.h"
#include "core/torch_random.h"

namespace archleak::server {
namespace {

std::vector<std::vector<double>> half(const std::vector<std::vector<double>>& rows, bool second) {
  const auto middle = rows.begin() + std::ssize(rows) / 2;
  return second ? std::vector(middle, rows.end()) : std::vector(rows.begin(), middle);
}

}  // namespace

ProgressiveSearch::ProgressiveSearch(const nas::ProgressiveOptions& options,
                                     std::shared_ptr<nas::SearchNetwork> network, int64_t steps, int64_t multiplier,
                                     uint64_t seed, int64_t rounds)
    : options_(options),
      network_(std::move(network)),
      steps_(steps),
      multiplier_(multiplier),
      seed_(seed),
      rounds_(rounds) {
  for (const int64_t layers : options_.layers) {
    try {
      network_->restrict({.layers = layers});
    } catch (const Error& error) {
      throw ConfigError(std::string("search.pdarts.layers: ") + error.what());
    }
  }
  enter(0, std::vector<nas::OperationSet>(2 * nas::searched_edges(steps), nas::kAllOperations));
}

void ProgressiveSearch::enter(int64_t stage, std::vector<nas::OperationSet> kept) {
  stage_ = stage;
  now_.first_round = nas::first_round_of(stage, rounds_, options_.stages());
  now_.rounds = std::max<int64_t>(1, nas::first_round_of(stage + 1, rounds_, options_.stages()) - now_.first_round);
  now_.space = {
      .layers = options_.layers[stage], .kept = std::move(kept), .skip_dropout = options_.skip_dropout[stage]};
  network_->restrict(now_.space);
}

std::optional<StrategyEvent> ProgressiveSearch::begin_round(int64_t round) {
  const int64_t stage = nas::stage_of(round, rounds_, options_.stages());
  if (stage == stage_) return std::nullopt;
  auto kept = now_.space.kept;
  // A run with fewer rounds than stages passes through some of them at once.
  for (int64_t next = stage_ + 1; next <= stage; ++next) {
    kept = nas::keep_strongest(probabilities(), kept, options_.operations[next]);
  }
  enter(stage, kept);
  network_->draw(make_torch_generator({.seed = seed_, .purpose = "initial weights", .index = stage}));
  // The alpha of an operation that is gone is 0, which neither a gradient nor weight decay moves.
  const torch::NoGradGuard no_grad;
  size_t row = 0;
  for (torch::Tensor alpha : network_->alphas()) {
    for (int64_t edge = 0; edge < alpha.size(0); ++edge, ++row) {
      for (int64_t i = 0; i < alpha.size(1); ++i) {
        if (!nas::has_operation(kept[row], i)) alpha[edge][i] = 0;
      }
    }
  }
  nlohmann::ordered_json names = nlohmann::ordered_json::array();
  for (const nas::OperationSet set : kept) {
    names.push_back(nlohmann::ordered_json::array());
    for (size_t i = 0; i < nas::kPrimitives.size(); ++i) {
      if (nas::has_operation(set, static_cast<int64_t>(i))) names.back().push_back(nas::kPrimitives[i]);
    }
  }
  return StrategyEvent{
      .kind = "stage",
      .fields = {{"round", round}, {"stage", stage}, {"layers", options_.layers[stage]}, {"operations", names}}};
}

std::string ProgressiveSearch::instruction(int64_t, int64_t) const {
  return nas::encode(now_);
}

std::string ProgressiveSearch::evaluated() const {
  return nas::encode(now_);
}

std::vector<std::vector<double>> ProgressiveSearch::probabilities() const {
  std::vector<std::vector<double>> rows;
  for (const auto& table : network_->probabilities()) {
    const torch::Tensor wide = table.to(torch::kFloat64).contiguous();
    for (int64_t row = 0; row < wide.size(0); ++row) {
      const auto* first = wide.data_ptr<double>() + row * wide.size(1);
      rows.emplace_back(first, first + wide.size(1));
    }
  }
  return rows;
}

std::optional<double> ProgressiveSearch::entropy(const std::vector<torch::Tensor>&) const {
  double total = 0;
  const auto rows = probabilities();
  for (const auto& row : rows) {
    for (const double p : row) total -= p > 0 ? p * std::log(p) : 0;
  }
  return total / static_cast<double>(rows.size());
}

std::optional<nas::Genotype> ProgressiveSearch::genotype() const {
  const auto rows = probabilities();
  return nas::derive_with_few_skips(half(rows, false), half(rows, true), steps_, multiplier_, options_.max_skips);
}

std::string ProgressiveSearch::save() const {
  ByteWriter writer;
  writer.i64(stage_);
  writer.text({reinterpret_cast<const char*>(now_.space.kept.data()), now_.space.kept.size()});
  return writer.take();
}

void ProgressiveSearch::load(std::string_view bytes) {
  ByteReader reader(bytes, "P-DARTS");
  const int64_t stage = reader.i64();
  const auto kept = reader.text();
  reader.expect_end();
  if (stage < 0 || stage >= options_.stages() || kept.size() != now_.space.kept.size()) {
    reader.fail(fmt::format("one of {} stages with operations of {} edges", options_.stages(), now_.space.kept.size()),
                fmt::format("stage {} with {}", stage, kept.size()));
  }
  enter(stage, {kept.begin(), kept.end()});
}

}  // namespace archleak::server
