#include "tests/sim/tables/coin.h"

#include <cmath>
#include <stdexcept>

#include "core/random.h"

namespace archleak::sim::test {
namespace {

struct CoinOptions {
  double bias = 0.5;
  std::string side = "heads";
  bool fails = false;
  bool pictures = false;
  bool scores = false;
};

CoinOptions describe(Config& settings) {
  CoinOptions options;
  ConfigSection section = settings.section("coin");
  section.read("bias", options.bias, {.min = 0, .max = 1}, "probability of heads");
  section.read("side", options.side, std::vector<std::string>{"heads", "tails"}, "which side is up at the start");
  section.read("fails", options.fails, "every third trial is lost");
  section.read("pictures", options.pictures, "leave pictures");
  section.read("scores", options.scores, "leave scores");
  return options;
}

Artefact picture(const std::string& name, float slope) {
  Artefact artefact{name, 6, 4, 1, {}};
  for (int i = 0; i < 24; ++i) artefact.pixels.push_back(slope * static_cast<float>(i) / 23);
  return artefact;
}

TrialResult throw_coin(const TrialRequest& request, CoinHabits& habits) {
  const CoinOptions options = describe(request.settings);
  if (++habits.thrown == habits.stop_after) *habits.stop = true;
  if (options.fails && request.trial % 3 == 2) throw std::runtime_error("the coin rolled away");
  RandomEngine engine = make_engine({.seed = request.seed, .purpose = "coin"});
  const bool heads = uniform(engine) < options.bias;
  const double normal = std::sqrt(-2 * std::log(1 - uniform(engine))) * std::cos(2 * M_PI * uniform(engine));
  TrialResult result{
      .figures = {{"heads", heads}, {"weight", heads ? 3 + normal : std::nan("")}, {"twice", 2 * heads}}};
  if (options.pictures) result.artefacts = {picture("original", 1), picture("reconstruction", 0.5F)};
  if (options.scores) {
    result.scores.emplace();
    for (int i = 0; i < 8; ++i) {
      result.scores->scores.push_back(static_cast<float>(normal) + static_cast<float>(i - 4) / 2);
      result.scores->member.push_back(i % 3 == 0);
    }
  }
  return result;
}

}  // namespace

Experiment coin(std::shared_ptr<CoinHabits> habits) {
  return {.name = "coin",
          .version = 1,
          .description = "A coin with a known rate",
          .figures = {"heads", "weight", "twice"},
          .describe = [](Config& settings) { describe(settings); },
          .run = [habits](const TrialRequest& request) { return throw_coin(request, *habits); }};
}

const std::string kCoinTable = R"(id = "coins"
title = "Coins by bias & side"
paper = "On Coins"
source = "Table 7"
experiment = "coin"
trials = 40
notes = ["Coins are fair unless told otherwise."]

[settings]
coin.pictures = false

[axes]
bias = { setting = "coin.bias", values = [0.2, 0.5, 0.8] }
[[axes.side]]
name = "heads up"
set = { coin.side = "heads" }
[[axes.side]]
name = "tails up"
set = { coin.side = "tails" }

[layout]
rows = ["side"]
columns = ["bias"]

[scale.smoke]
trials = 3
notes = ["Three throws."]
settings = { coin.pictures = true }
axes = { bias = [0.4], side = ["tails up"] }

[[figures]]
name = "heads"
label = "Heads"
kind = "rate"
unit = "%"
scale = 100
digits = 1

[[figures]]
name = "weight"
kind = "mean"
when = "heads"

[[published]]
figure = "heads"
at = { side = "heads up" }
along = "bias"
values = { "0.2" = 21, "0.5" = 49, "0.8" = 80.5 }

[[published]]
figure = "weight"
at = { side = "tails up", bias = 0.5 }
value = 3.25

[[checks]]
kind = "rises"
figure = "heads"
along = "bias"
)";

TableRequest coin_request(const std::string& document) {
  return {.document = document, .file = "coins.toml"};
}

std::string coin_table_with(const std::string& from, const std::string& to) {
  std::string table = kCoinTable;
  const size_t at = table.find(from);
  if (at == std::string::npos) throw std::logic_error("the table has no '" + from + "'");
  return table.replace(at, from.size(), to);
}

}  // namespace archleak::sim::test
