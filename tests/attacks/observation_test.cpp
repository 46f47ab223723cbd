#include "attacks/eavesdropper/observation.h"

#include <gmock/gmock.h>

#include "core/error.h"
#include "tests/support/paths.h"
#include "tests/wire/zmtp_stream.h"
#include "wire/capture_writer.h"

namespace archleak::attacks {
namespace {

using wire::Direction;
using wire::Payload;

constexpr const char* kConfig = "[federation]\nprotocol = \"gradient\"\nwithhold_weights = true\n";

Payload floats(std::vector<float> values) {
  return Payload::own(std::move(values));
}

/// A capture of one connection.
std::filesystem::path capture(const archleak::test::TemporaryFolder& folder, const std::string& up,
                              const std::string& down) {
  const auto file = folder / "run.alcap";
  std::filesystem::remove(file);
  wire::CaptureWriter writer(file, {.source = "tap"});
  writer.open(1, "ipc", 1);
  writer.data(1, Direction::down, 0, down, 2);
  writer.data(1, Direction::up, 0, up, 3);
  return file;
}

TEST(Observation, HoldsModelsAndUpdatesByRound) {
  const archleak::test::TemporaryFolder folder;
  const auto file = capture(
      folder,
      wire::test::zmtp_stream(
          "worker 1", {wire::Outcome{.task = 4,
                                     .round = 1,
                                     .client = 4,
                                     .weight = 20,
                                     .metrics = {{"train_loss", 0.5}},
                                     .update = floats({5, 6})},
                       wire::Outcome{.round = 2, .client = 0},  // of an evaluation
                       wire::PartialSum{.round = 1, .weight = 3, .sums = Payload::own(std::vector<int64_t>{9})}}),
      wire::test::zmtp_stream(
          "", {wire::Welcome{.epoch = 1, .config = kConfig}, wire::Model{.round = 1, .values = floats({1, 2, 3})},
               wire::Model{.round = 1, .values = floats({1, 2, 3})}}));
  const Observation seen(file);
  EXPECT_EQ(seen.blindness(), "");
  EXPECT_EQ(seen.messages(), 6u);
  ASSERT_EQ(seen.rounds().size(), 1u);
  const SeenRound& round = seen.rounds().at(1);
  ASSERT_EQ(round.models.size(), 2u);
  EXPECT_EQ(seen.floats(round.models[0]), floats({1, 2, 3}));
  ASSERT_EQ(round.updates.size(), 1u);
  EXPECT_EQ(round.updates[0].client, 4);
  EXPECT_EQ(round.updates[0].weight, 20);
  EXPECT_EQ(round.updates[0].worker, "worker 1");
  EXPECT_EQ(seen.floats(round.updates[0].place), floats({5, 6}));
  ASSERT_EQ(round.sums.size(), 1u);
  EXPECT_EQ(seen.integers(round.sums[0].place).integers()[0], 9);
  EXPECT_THROW(seen.floats(round.sums[0].place), DataError);
  ASSERT_TRUE(seen.protocol());
  EXPECT_EQ(seen.protocol()->protocol, Protocol::gradient);
  EXPECT_TRUE(seen.protocol()->withhold_weights);
  EXPECT_FALSE(seen.several_runs());
}

TEST(Observation, ASumOfOneUpdateIsThatClientsUpdate) {
  const archleak::test::TemporaryFolder folder;
  const auto sum = [](std::vector<uint64_t> tasks, int64_t value) {
    return wire::PartialSum{.round = 1,
                            .tasks = std::move(tasks),
                            .weight = 20,
                            .scale_bits = 8,
                            .sums = Payload::own(std::vector<int64_t>{value, -value})};
  };
  const Observation seen(
      capture(folder,
              wire::test::zmtp_stream("worker 1", {wire::Outcome{.task = 7, .round = 1, .client = 4, .weight = 20},
                                                   sum({7}, 20 * 384), sum({7, 8}, 100), sum({9}, 100)}),
              wire::test::zmtp_stream("", {wire::Model{.round = 1, .values = floats({1, 2})}})));
  const SeenRound& round = seen.rounds().at(1);
  ASSERT_EQ(round.updates.size(), 1u);
  EXPECT_EQ(round.updates[0].client, 4);
  EXPECT_EQ(round.updates[0].weight, 20);
  EXPECT_EQ(seen.floats(round.updates[0].place), floats({1.5, -1.5}));
  ASSERT_EQ(round.sums.size(), 2u);  // of several, and of one whose outcome did not go by
  EXPECT_THROW(seen.floats(round.sums[0].place), DataError);
}

TEST(Observation, TellsWhenTheConfigurationOfAnotherRunWentByAndKeepsTheFirst) {
  const archleak::test::TemporaryFolder folder;
  const auto seen_of = [&](const wire::Welcome& second) {
    return Observation(capture(folder, wire::test::zmtp_stream("worker 1", {}),
                               wire::test::zmtp_stream("", {wire::Welcome{.epoch = 1, .config = kConfig}, second})));
  };
  EXPECT_FALSE(seen_of({.epoch = 2, .config = kConfig}).several_runs());
  const Observation seen = seen_of({.epoch = 2, .config = "[run]\nseed = 9\n"});
  EXPECT_TRUE(seen.several_runs());
  EXPECT_EQ(seen.welcome()->config, kConfig);
}

TEST(Observation, UnderSecureAggregationItSaysThatNoUpdateCanBeRead) {
  const archleak::test::TemporaryFolder folder;
  const wire::Outcome masked{
      .round = 1, .client = 4, .weight = 20, .masked = true, .update = Payload::own(std::vector<int64_t>{5, -6})};
  const Observation seen(capture(
      folder, wire::test::zmtp_stream("worker 1", {masked, wire::Outcome{.round = 1, .answer = "shares"}}),
      wire::test::zmtp_stream("", {wire::Welcome{.epoch = 1, .config = "[federation]\nsecure_aggregation = true\n"},
                                   wire::Model{.round = 1, .values = floats({1, 2})}})));
  const SeenRound& round = seen.rounds().at(1);
  EXPECT_TRUE(round.updates.empty());
  ASSERT_EQ(round.masked.size(), 1u);
  EXPECT_EQ(round.masked[0].client, 4);
  EXPECT_EQ(seen.integers(round.masked[0].place).integers()[1], -6);
  EXPECT_THROW(seen.floats(round.masked[0].place), DataError);
  EXPECT_TRUE(seen.protocol()->secure_aggregation);
  EXPECT_EQ(seen.blindness(), "no update to read: 1 went by, all of them masked (secure aggregation)");
}

TEST(Observation, UnderCurveItSaysThatThereIsNothingToRead) {
  const archleak::test::TemporaryFolder folder;
  const std::string sealed = wire::test::zmtp_sealed_stream({std::string(400, 'x'), "y"});
  const Observation seen(capture(folder, sealed, sealed));
  EXPECT_TRUE(seen.rounds().empty());
  EXPECT_EQ(seen.ciphertexts(), 4u);
  EXPECT_EQ(seen.messages(), 0u);
  EXPECT_FALSE(seen.protocol());
  EXPECT_THAT(seen.blindness(), testing::HasSubstr("ciphertext (CURVE)"));
}

}  // namespace
}  // namespace archleak::attacks
