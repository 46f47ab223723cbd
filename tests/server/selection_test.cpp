#include "server/selection.h"

#include <gmock/gmock.h>

#include <algorithm>

#include "core/error.h"

namespace archleak::server {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

TEST(Selection, AllTakesEveryClient) {
  EXPECT_THAT(select_clients({}, 4, 1, 1), ElementsAre(0, 1, 2, 3));
}

TEST(Selection, FixedTakesTheListInAscendingOrder) {
  EXPECT_THAT(select_clients({.kind = SelectionKind::fixed, .clients = {3, 1}}, 4, 1, 1), ElementsAre(1, 3));
}

TEST(Selection, UniformDrawsDistinctClientsByCountOrFraction) {
  for (int64_t round = 0; round < 50; ++round) {
    for (const SelectionOptions& options : {SelectionOptions{.kind = SelectionKind::uniform, .count = 7},
                                            SelectionOptions{.kind = SelectionKind::uniform, .fraction = 0.35}}) {
      const auto chosen = select_clients(options, 20, 5, round);
      EXPECT_EQ(chosen.size(), 7u);
      EXPECT_TRUE(std::adjacent_find(chosen.begin(), chosen.end(), std::greater_equal<>()) == chosen.end());
      EXPECT_TRUE(chosen.front() >= 0 && chosen.back() < 20);
    }
  }
}

TEST(Selection, ATinyFractionStillTakesOneClient) {
  EXPECT_EQ(select_clients({.kind = SelectionKind::uniform, .fraction = 0}, 5, 1, 1).size(), 1u);
}

TEST(Selection, TheDrawDependsOnSeedAndRoundAlone) {
  const SelectionOptions options{.kind = SelectionKind::uniform, .count = 10};
  EXPECT_EQ(select_clients(options, 100, 1, 2), select_clients(options, 100, 1, 2));
  EXPECT_NE(select_clients(options, 100, 1, 2), select_clients(options, 100, 1, 3));
  EXPECT_NE(select_clients(options, 100, 1, 2), select_clients(options, 100, 2, 2));
}

TEST(Selection, EveryClientIsDrawnEquallyOften) {
  std::vector<int> counts(10);
  constexpr int kRounds = 5000;
  const SelectionOptions options{.kind = SelectionKind::uniform, .count = 3};
  for (int64_t round = 0; round < kRounds; ++round) {
    for (const int64_t client : select_clients(options, 10, 9, round)) ++counts[client];
  }
  // 0.3 of the rounds with a standard deviation of sqrt(0.21 / rounds).
  for (const int count : counts) EXPECT_NEAR(count / static_cast<double>(kRounds), 0.3, 4 * std::sqrt(0.21 / kRounds));
}

std::string error_of(const SelectionOptions& options, int64_t clients) {
  try {
    validate(options, clients);
  } catch (const ConfigError& error) {
    return error.what();
  }
  return "no error";
}

TEST(Selection, WhatTheClientsCannotMeetIsAConfigError) {
  EXPECT_THAT(error_of({.kind = SelectionKind::uniform, .count = 5}, 4), HasSubstr("at most 4 clients, got 5"));
  EXPECT_THAT(error_of({.kind = SelectionKind::fixed, .clients = {0, 4}}, 4), HasSubstr("from 0 to 3, got 4"));
  EXPECT_THAT(error_of({.kind = SelectionKind::fixed, .clients = {-1}}, 4), HasSubstr("from 0 to 3, got -1"));
  EXPECT_THAT(error_of({.kind = SelectionKind::fixed, .clients = {2, 1, 2}}, 4), HasSubstr("got 2 twice"));
  EXPECT_THAT(error_of({.kind = SelectionKind::fixed}, 4), HasSubstr("got none"));
  EXPECT_THAT(error_of({}, 0), HasSubstr("got 0"));
  EXPECT_EQ(error_of({.kind = SelectionKind::fixed, .clients = {3}}, 4), "no error");
}

TEST(Selection, TheDocumentSetsEveryOption) {
  Config config = Config::parse("[s]\nkind = \"fixed\"\nclients = [4, 2]\nfraction = 0.5\ncount = 3\n", "run.toml");
  SelectionOptions options;
  describe(config.section("s"), options);
  config.reject_unknown();
  EXPECT_EQ(options.kind, SelectionKind::fixed);
  EXPECT_THAT(options.clients, ElementsAre(4, 2));
  Config bad = Config::parse("[s]\nkind = \"fixed\"\n", "run.toml");
  SelectionOptions none;
  EXPECT_THROW(describe(bad.section("s"), none), ConfigError);
}

}  // namespace
}  // namespace archleak::server
