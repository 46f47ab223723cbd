#pragma once
#include <atomic>
#include <memory>
#include <string>

#include "sim/tables/experiment.h"
#include "sim/tables/table_plan.h"

namespace archleak::sim::test {

/// What a coin does besides falling.
struct CoinHabits {
  std::atomic<int> thrown{0};  ///< trials that ran
  int stop_after = -1;         ///< sets `*stop` after so many trials
  std::shared_ptr<std::atomic<bool>> stop = std::make_shared<std::atomic<bool>>(false);
};

/// An experiment with a known truth. Settings: coin.bias (0.5), coin.side ("heads" | "tails"), coin.fails (false),
/// coin.pictures (false), coin.scores (false). Figures: heads (1 with the bias's probability), weight (normal, mean 3,
/// deviation 1; NaN unless heads), twice (2 * heads, no 0/1 figure). With pictures it leaves an original and a
/// reconstruction of 6x4, with scores those of eight samples.
Experiment coin(std::shared_ptr<CoinHabits> habits = std::make_shared<CoinHabits>());

/// A table of coins: bias 0.2, 0.5, 0.8 by side, 40 trials, with published values and checks.
extern const std::string kCoinTable;

TableRequest coin_request(const std::string& document = kCoinTable);

/// `kCoinTable` with the first `from` replaced.
std::string coin_table_with(const std::string& from, const std::string& to);

}  // namespace archleak::sim::test
