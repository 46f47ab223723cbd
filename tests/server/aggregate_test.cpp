#include "server/aggregate.h"

#include <gmock/gmock.h>

#include <cmath>
#include <limits>

#include "core/error.h"
#include "core/random.h"

namespace archleak::server {
namespace {

using testing::Each;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Optional;

constexpr UpdateLayout kLayout{.weights = 20, .alpha = 5, .buffers = 3};

struct Update {
  int64_t client;
  int64_t samples;
  std::vector<float> values;
};

std::vector<Update> random_updates(int64_t count, uint64_t seed) {
  RandomEngine engine = make_engine({.seed = seed, .purpose = "aggregate test"});
  std::vector<Update> updates;
  for (int64_t client = 0; client < count; ++client) {
    updates.push_back({client, 1 + uniform_index(900, engine), {}});
    for (int64_t i = 0; i < kLayout.size(); ++i) {
      updates.back().values.push_back(static_cast<float>(std::ldexp(uniform(engine) - 0.5, 3 - static_cast<int>(i))));
    }
  }
  return updates;
}

std::vector<float> wire_mean(const std::vector<Update>& updates, const std::vector<int64_t>& order,
                             const ProtocolOptions& protocol = {}, const RobustOptions& robust = {}) {
  Aggregator aggregator(kLayout, protocol, robust);
  for (const int64_t i : order) {
    EXPECT_EQ(aggregator.add(updates[i].client, updates[i].values, updates[i].samples), std::nullopt);
  }
  EXPECT_EQ(aggregator.updates(), static_cast<int64_t>(updates.size()));
  return aggregator.mean();
}

TEST(Aggregator, WireAndFusedGiveTheSameBitsInAnyOrderAndGrouping) {
  for (uint64_t seed = 0; seed < 30; ++seed) {
    const auto updates = random_updates(17, seed);
    RandomEngine engine = make_engine({.seed = seed, .purpose = "grouping"});
    for (const auto weighting : {Weighting::samples, Weighting::uniform}) {
      const auto reference = wire_mean(updates, random_permutation(17, engine), {.weighting = weighting});
      EXPECT_EQ(wire_mean(updates, random_permutation(17, engine), {.weighting = weighting}), reference);
      const ProtocolOptions protocol{.fidelity = Fidelity::fused, .weighting = weighting};
      Aggregator fused(kLayout, protocol);
      const int64_t workers = 1 + uniform_index(5, engine);
      std::vector<FixedPointSum> sums(workers, FixedPointSum(kLayout.size(), protocol.scale_bits));
      std::vector<int64_t> counts(workers);
      for (const int64_t i : random_permutation(17, engine)) {
        const int64_t worker = uniform_index(workers, engine);
        sums[worker].add(updates[i].values, update_weight(weighting, updates[i].samples));
        ++counts[worker];
      }
      for (const int64_t worker : random_permutation(workers, engine)) {
        if (counts[worker] == 0) continue;
        const auto& sum = sums[worker];
        EXPECT_EQ(fused.add_partial(sum.sums(), sum.weight(), sum.bound(), sum.scale_bits(), counts[worker]),
                  std::nullopt);
      }
      EXPECT_EQ(fused.updates(), 17);
      EXPECT_EQ(fused.mean(), reference);
    }
  }
}

TEST(Aggregator, TheWeightsAddUpToOne) {
  for (const auto weighting : {Weighting::samples, Weighting::uniform}) {
    Aggregator aggregator(kLayout, {.weighting = weighting});
    const std::vector<float> same(kLayout.size(), 0.8125f);
    for (int64_t client = 0; client < 9; ++client) aggregator.add(client, same, 3 * client + 1);
    EXPECT_EQ(aggregator.mean(), same);
  }
}

TEST(Aggregator, WeighsBySamplesOrEqually) {
  const UpdateLayout one{.weights = 1};
  Aggregator samples(one, {.weighting = Weighting::samples});
  Aggregator uniform(one, {.weighting = Weighting::uniform});
  for (Aggregator* const aggregator : {&samples, &uniform}) {
    aggregator->add(0, std::vector<float>{1}, 30);
    aggregator->add(1, std::vector<float>{5}, 10);
  }
  EXPECT_THAT(samples.mean(), ElementsAre(2));
  EXPECT_EQ(samples.weight(), 40);
  EXPECT_THAT(uniform.mean(), ElementsAre(3));
  EXPECT_EQ(uniform.weight(), 2);
}

TEST(Aggregator, RefusesWhatMustNotEnterTheModelAndIsAsBefore) {
  constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  const auto updates = random_updates(2, 1);
  for (const auto rule : {RobustRule::mean, RobustRule::median}) {
    Aggregator aggregator(kLayout, {}, {.rule = rule});
    ASSERT_EQ(aggregator.add(0, updates[0].values, 5), std::nullopt);
    const auto before = aggregator.mean();
    auto bad = updates[1].values;
    for (const float value : {kNan, kInfinity, -kInfinity}) {
      bad[7] = value;
      EXPECT_THAT(aggregator.add(1, bad, 5), Optional(HasSubstr("expected finite values")));
    }
    EXPECT_THAT(aggregator.add(1, std::vector<float>{1}, 5), Optional(HasSubstr("expected 28 values, got 1")));
    EXPECT_THAT(aggregator.add(1, updates[1].values, -1), Optional(HasSubstr("expected at least 0 samples, got -1")));
    EXPECT_THAT(aggregator.add(0, updates[1].values, 5), Optional(HasSubstr("one update of client 0")));
    EXPECT_EQ(aggregator.mean(), before);
    EXPECT_EQ(aggregator.updates(), 1);
    EXPECT_EQ(aggregator.refused(), 6);
    EXPECT_EQ(aggregator.add(1, updates[1].values, 5), std::nullopt) << "a refusal does not use up the client's turn";
  }
}

TEST(Aggregator, RefusesAnUpdateThatIsTooLargeAndThrowsWhenOnlyTheSumIs) {
  Aggregator aggregator({.weights = 1}, {.scale_bits = 52});
  EXPECT_EQ(aggregator.add(0, std::vector<float>{1000}, 1), std::nullopt);
  EXPECT_THAT(aggregator.add(1, std::vector<float>{3000}, 1), Optional(HasSubstr("overflow")));
  EXPECT_THROW(aggregator.add(2, std::vector<float>{1000}, 2), Error);
  EXPECT_THAT(aggregator.mean(), ElementsAre(1000));
}

TEST(Aggregator, RefusesPartialSumsThatDoNotFit) {
  Aggregator aggregator({.weights = 2}, {.fidelity = Fidelity::fused, .scale_bits = 30});
  const std::vector<int64_t> sums{100, -50};
  EXPECT_THAT(aggregator.add_partial(sums, 1, 100, 31, 1), Optional(HasSubstr("expected scale 2^30, got 2^31")));
  EXPECT_THAT(aggregator.add_partial(sums, 1, 99, 30, 1), Optional(HasSubstr("within 99, got 100")));
  EXPECT_THAT(aggregator.add_partial(sums, -1, 100, 30, 1), Optional(HasSubstr("weight of at least 0")));
  EXPECT_THAT(aggregator.add_partial(sums, 1, 100, 30, 0), Optional(HasSubstr("at least 1 update")));
  EXPECT_THAT(aggregator.add_partial(std::vector<int64_t>{1}, 1, 100, 30, 1), Optional(HasSubstr("expected 2 values")));
  EXPECT_EQ(aggregator.updates(), 0);
  EXPECT_THROW(aggregator.mean(), DataError);
  EXPECT_EQ(aggregator.add_partial(sums, 1, 100, 30, 1), std::nullopt);
}

TEST(Aggregator, AnUnmaskedSumCountsAsItsUpdatesWould) {
  const auto updates = random_updates(5, 2);
  const std::vector<int64_t> order{0, 1, 2, 3, 4};
  FixedPointSum sum(kLayout.size(), 32);
  for (const auto& update : updates) sum.add(update.values, update.samples);
  Aggregator aggregator(kLayout, {});
  EXPECT_EQ(aggregator.add_unmasked(sum.sums(), sum.weight(), 5), std::nullopt);
  EXPECT_EQ(aggregator.mean(), wire_mean(updates, order));
  EXPECT_EQ(aggregator.updates(), 5);
  std::vector<int64_t> beyond(kLayout.size(), std::numeric_limits<int64_t>::min());
  EXPECT_THAT(aggregator.add_unmasked(beyond, 1, 1), Optional(HasSubstr("63 bits")));
}

TEST(Aggregator, RobustRulesDoNotDependOnTheOrderOfArrival) {
  auto updates = random_updates(11, 3);
  updates[10].values = updates[4].values;  // a tie for Krum
  RandomEngine engine = make_engine({.purpose = "arrival"});
  for (const RobustOptions& robust :
       {RobustOptions{.rule = RobustRule::median}, RobustOptions{.rule = RobustRule::trimmed_mean},
        RobustOptions{.rule = RobustRule::krum}, RobustOptions{.rule = RobustRule::multi_krum, .selected = 4},
        RobustOptions{.norm_bound = 0.5}}) {
    const auto reference = wire_mean(updates, random_permutation(11, engine), {}, robust);
    for (int i = 0; i < 5; ++i) EXPECT_EQ(wire_mean(updates, random_permutation(11, engine), {}, robust), reference);
  }
}

TEST(Aggregator, APoisonedClientMovesTheMeanButNoRobustRule) {
  const UpdateLayout layout{.weights = 4};
  const auto aggregate = [&](const RobustOptions& robust) {
    Aggregator aggregator(layout, {.weighting = Weighting::uniform}, robust);
    for (int64_t client = 0; client < 6; ++client) {
      aggregator.add(client, std::vector<float>(4, 1 + 0.01f * static_cast<float>(client)), 10);
    }
    aggregator.add(6, std::vector<float>(4, -700), 10);
    return aggregator.mean();
  };
  const auto near_one = Each(testing::FloatNear(1, 0.06f));
  EXPECT_THAT(aggregate({}), Each(testing::Lt(-90)));
  EXPECT_THAT(aggregate({.rule = RobustRule::median}), near_one);
  EXPECT_THAT(aggregate({.rule = RobustRule::trimmed_mean, .trim = 0.15}), near_one);
  EXPECT_THAT(aggregate({.rule = RobustRule::krum}), near_one);
  EXPECT_THAT(aggregate({.rule = RobustRule::multi_krum}), near_one);
  // Bounded to norm 2.1, each coordinate of the poison is -1.05: (6.15 - 1.05) / 7.
  EXPECT_THAT(aggregate({.norm_bound = 2.1}), Each(testing::FloatNear(5.1f / 7, 0.02f)));
}

TEST(Aggregator, MultiKrumWeighsItsSelectionBySamples) {
  Aggregator aggregator({.weights = 1}, {}, {.rule = RobustRule::multi_krum, .byzantine = 1, .selected = 2});
  const std::vector<float> values{0, 1, 3, 6, 100};
  for (int64_t client = 0; client < 5; ++client) {
    aggregator.add(client, std::span(values).subspan(client, 1), client == 0 ? 30 : 10);
  }
  EXPECT_THAT(aggregator.mean(), ElementsAre(0.25f));  // clients 1 (score 5) and 0 (score 10)
}

TEST(Aggregator, TheNormBoundMeasuresWhatWasTrainedFromTheGlobalModel) {
  const UpdateLayout layout{.weights = 2, .buffers = 1};
  Aggregator aggregator(layout, {.protocol = Protocol::weights}, {.norm_bound = 5}, {10, 10});
  aggregator.add(0, std::vector<float>{16, 18, 1000}, 1);  // six and eight away: half of it
  EXPECT_THAT(aggregator.mean(), ElementsAre(13, 14, 1000));
  EXPECT_EQ(aggregator.clipped(), 1);
  aggregator.reset({0, 0});
  aggregator.add(0, std::vector<float>{3, 4, 0}, 1);
  EXPECT_EQ(aggregator.clipped(), 0);
  EXPECT_THROW(aggregator.reset({1, 2, 3}), Error);
}

TEST(Aggregator, ResetForgetsTheRound) {
  for (const auto rule : {RobustRule::mean, RobustRule::median}) {
    Aggregator aggregator({.weights = 1}, {}, {.rule = rule});
    aggregator.add(0, std::vector<float>{5}, 1);
    aggregator.reset();
    EXPECT_EQ(aggregator.updates(), 0);
    EXPECT_THROW(aggregator.mean(), DataError);
    EXPECT_EQ(aggregator.add(0, std::vector<float>{7}, 1), std::nullopt);
    EXPECT_THAT(aggregator.mean(), ElementsAre(7));
  }
}

TEST(Aggregator, ARobustRuleInFusedFidelityIsAConfigError) {
  EXPECT_THROW(Aggregator({.weights = 1}, {.fidelity = Fidelity::fused}, {.rule = RobustRule::median}), ConfigError);
  Aggregator aggregator({.weights = 1}, {}, {.rule = RobustRule::median});
  EXPECT_THAT(aggregator.add_partial(std::vector<int64_t>{1}, 1, 1, 30, 1), Optional(HasSubstr("single updates")));
}

}  // namespace
}  // namespace archleak::server
