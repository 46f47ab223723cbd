#include "core/config.h"

#include <gmock/gmock.h>

#include "core/error.h"

namespace archleak {
namespace {

struct Options {
  int64_t rounds = 20;
  double lr = 0.025;
  bool fast = false;
  std::string root = "data";
  std::vector<int64_t> clients;
  enum class Mode { wire, fused } mode = Mode::wire;
};

void describe(ConfigSection section, Options& options) {
  section.read("rounds", options.rounds, {.min = 1, .max = 1000}, "number of rounds");
  section.read("lr", options.lr, {.min = 0, .max = 1}, "learning rate");
  section.read("fast", options.fast, "go fast");
  section.read("root", options.root, "folder");
  section.read("clients", options.clients, {.min = 0}, "fixed clients");
  section.read("mode", options.mode, {{"wire", Options::Mode::wire}, {"fused", Options::Mode::fused}}, "fidelity");
}

std::string error_of(const std::string& text, const std::vector<std::string>& overrides = {}) {
  try {
    Config config = Config::parse(text, "run.toml", overrides);
    Options options;
    describe(config.section("search"), options);
    config.reject_unknown();
  } catch (const ConfigError& error) {
    return error.what();
  }
  return "no error";
}

TEST(Config, ReadsEveryTypeAndKeepsDefaultsWhereTheDocumentIsSilent) {
  Config config = Config::parse("[search]\nrounds = 3\nlr = 1\nmode = \"fused\"\nclients = [1, 2]\n", "run.toml");
  Options options;
  describe(config.section("search"), options);
  config.reject_unknown();
  EXPECT_EQ(options.rounds, 3);
  EXPECT_EQ(options.lr, 1.0);
  EXPECT_EQ(options.mode, Options::Mode::fused);
  EXPECT_THAT(options.clients, testing::ElementsAre(1, 2));
  EXPECT_EQ(options.root, "data");
}

TEST(Config, ResolvesToWhatItWasBeforeAKeyWasAddedWhileThatHasItsDefault) {
  const auto resolved = [](const std::string& text, bool with_added) {
    Config config = Config::parse(text, "run.toml");
    Options options;
    describe(config.section("search"), options);
    int64_t added = 1;
    if (with_added) config.section("search").read_added("added", added, {.min = 1}, "came later");
    config.reject_unknown();
    EXPECT_EQ(config.keys().back().path == "search.added", with_added) << "it is among the keys in any case";
    return config.resolved();
  };
  const std::string before = resolved("", false);
  EXPECT_EQ(resolved("", true), before);
  EXPECT_EQ(resolved("search.added = 1", true), before);
  const std::string after = resolved("search.added = 2", true);
  EXPECT_THAT(after, testing::HasSubstr("added = 2"));
  EXPECT_EQ(resolved(after, true), after);
}

TEST(Config, NamesTheNearestKeyForAnUnknownOne) {
  EXPECT_EQ(error_of("[search]\n\nround = 3\n"),
            "run.toml:3: search.round: expected a known key, got an unknown one; the nearest is 'search.rounds'");
  EXPECT_THAT(error_of("[serach]\nrounds = 3\n"), testing::HasSubstr("the nearest is 'search'"));
  EXPECT_THAT(error_of("", {"search.ruonds=3"}), testing::HasSubstr("--set search.ruonds"));
  EXPECT_THAT(error_of("", {"saerch.rounds=3"}), testing::HasSubstr("--set saerch: "));
}

TEST(Config, SaysWhereAndWhatWasExpectedForAWrongTypeOrRange) {
  EXPECT_EQ(error_of("[search]\nrounds = \"three\"\n"),
            "run.toml:2: search.rounds: expected an integer from 1 to 1000, got 'three'");
  EXPECT_EQ(error_of("[search]\nrounds = 0\n"), "run.toml:2: search.rounds: expected an integer from 1 to 1000, got 0");
  EXPECT_EQ(error_of("[search]\nlr = nan\n"), "run.toml:2: search.lr: expected a number from 0 to 1, got nan");
  EXPECT_EQ(error_of("[search]\nmode = \"both\"\n"),
            "run.toml:2: search.mode: expected one of \"wire\", \"fused\", got 'both'");
  EXPECT_EQ(error_of("search = 3\n"), "run.toml:1: search: expected a section, got 3");
  EXPECT_EQ(error_of("[search]\nclients = [1, -1]\n"),
            "run.toml:2: search.clients: expected a list of integers of at least 0, got the element -1");
}

TEST(Config, SaysTheLineOfBadToml) {
  EXPECT_THAT(error_of("[search]\nrounds = = 3\n"), testing::HasSubstr("run.toml:2: expected TOML"));
}

TEST(Config, OverridesWinAndTakeBareText) {
  Config config = Config::parse("[search]\nrounds = 3\n", "run.toml", {"search.rounds=7", "search.root=some/folder"});
  Options options;
  describe(config.section("search"), options);
  EXPECT_EQ(options.rounds, 7);
  EXPECT_EQ(options.root, "some/folder");
  EXPECT_THAT(error_of("", {"search.rounds=x"}),
              testing::HasSubstr("--set: search.rounds: expected an integer from 1 to 1000, got 'x'"));
  EXPECT_THAT(error_of("", {"rounds"}), testing::HasSubstr("expected section.key=value"));
}

TEST(Config, TheResolvedDocumentReadsBackToTheSameDocument) {
  Config first = Config::parse("[search]\nlr = 0.1\n", "run.toml");
  Options options;
  describe(first.section("search"), options);
  Config second = Config::parse(first.resolved(), "resolved.toml");
  Options again;
  describe(second.section("search"), again);
  second.reject_unknown();
  EXPECT_EQ(again.lr, 0.1);
  EXPECT_EQ(first.resolved(), second.resolved());
  EXPECT_EQ(first.keys().size(), 6u);
}

}  // namespace
}  // namespace archleak
