#include "server/coordinator.h"

#include <gmock/gmock.h>

#include <cmath>

#include "core/error.h"
#include "tests/server/federation.h"
#include "tests/support/paths.h"

namespace archleak {
namespace {

using test::Federation;

std::string hash_of(const Federation& federation) {
  return federation.run().end.model_hash;
}

TEST(Coordinator, TheModelsBitsDoNotDependOnWorkersSlotsFidelityOrTransport) {
  Federation reference;
  reference.workers = 1;
  const std::string expected = hash_of(reference);
  for (const int workers : {2, 5}) {
    Federation federation;
    federation.workers = workers;
    EXPECT_EQ(hash_of(federation), expected) << workers << " workers";
  }
  Federation slots;
  slots.slots = 4;
  EXPECT_EQ(hash_of(slots), expected) << "4 slots";
  Federation fused;
  fused.protocol.fidelity = Fidelity::fused;
  EXPECT_EQ(hash_of(fused), expected) << "fused";
  const test::TemporaryFolder folder;
  Federation ipc;
  ipc.url = "ipc://" + (folder / "s").string();
  EXPECT_EQ(hash_of(ipc), expected) << "ipc";
  Federation tcp;
  tcp.url = "tcp://127.0.0.1:0";
  EXPECT_EQ(hash_of(tcp), expected) << "tcp";
}

TEST(Coordinator, EveryProtocolGivesTheSameBitsInBothFidelities) {
  for (const Protocol protocol : {Protocol::gradient, Protocol::weights, Protocol::server_alpha}) {
    Federation wire;
    wire.protocol.protocol = protocol;
    Federation fused = wire;
    fused.protocol.fidelity = Fidelity::fused;
    fused.workers = 3;
    EXPECT_EQ(hash_of(wire), hash_of(fused)) << static_cast<int>(protocol);
  }
}

TEST(Coordinator, WorkersPrepareForAnEmptyConfigurationToo) {
  Federation federation;
  federation.config = "";
  EXPECT_EQ(federation.run().end.rounds, federation.options.rounds);
}

TEST(Coordinator, AStoppedRunContinuesToTheSameBits) {
  const test::TemporaryFolder folder;
  Federation whole;
  whole.options.rounds = 5;
  whole.behaviour.keeps_state = true;
  whole.options.update.weights = {.kind = OptimizerKind::fed_adam, .lr = 0.1, .epsilon = 1e-3};
  Federation stopped = whole;
  stopped.checkpoints = folder.path();
  stopped.stop_after = 2;
  const auto first = stopped.run();
  EXPECT_TRUE(first.end.interrupted);
  EXPECT_EQ(first.end.rounds, 2);
  stopped.stop_after = -1;
  const auto second = stopped.run();
  EXPECT_FALSE(second.end.interrupted);
  EXPECT_EQ(second.rounds.size(), 3u);
  EXPECT_EQ(second.end.model_hash, hash_of(whole));
}

TEST(Coordinator, AClientsStateComesBackToIt) {
  Federation stateless;
  Federation stateful;
  stateful.behaviour.keeps_state = true;
  EXPECT_NE(hash_of(stateful), hash_of(stateless));
  Federation fused = stateful;
  fused.protocol.fidelity = Fidelity::fused;
  fused.workers = 3;
  EXPECT_EQ(hash_of(fused), hash_of(stateful));
}

TEST(Coordinator, AnUpdateThatIsNotFiniteNeverReachesTheModel) {
  for (const Fidelity fidelity : {Fidelity::wire, Fidelity::fused}) {
    Federation federation;
    federation.protocol.fidelity = fidelity;
    federation.behaviour.not_finite = {2};
    const auto result = federation.run();
    for (const float value : result.model) ASSERT_TRUE(std::isfinite(value));
    EXPECT_EQ(result.rounds.back().clients, 6);
  }
}

TEST(Coordinator, AClientThatAlwaysFailsIsLeftOutAndSaidSo) {
  Federation federation;
  federation.behaviour.failing = {0, 4};
  const auto result = federation.run();
  EXPECT_EQ(result.rounds.back().clients, 5);
  EXPECT_THAT(result.events, testing::Contains("task_failed"));
}

TEST(Coordinator, ARunInWhichEveryClientFailsEndsWithAnError) {
  Federation federation;
  federation.behaviour.failing = {0, 1, 2, 3, 4, 5, 6};
  EXPECT_THROW(federation.run(), Error);
}

TEST(Coordinator, ReportsAccuracyLossEntropyAndBytesOfEveryRound) {
  const auto result = Federation().run();
  ASSERT_EQ(result.rounds.size(), 3u);
  for (const auto& round : result.rounds) {
    EXPECT_EQ(round.test_accuracy, 0.5);
    EXPECT_TRUE(round.test_loss && round.train_loss && round.alpha_entropy);
    EXPECT_GT(round.bytes_up, 7 * 36 * 4);    // seven updates of 36 floats, and more
    EXPECT_GT(round.bytes_down, 7 * 36 * 4);  // each client fetches the model
    EXPECT_EQ(round.model_hash.size(), 64u);
  }
}

TEST(Coordinator, FusedFidelitySendsOneModelAndOneSumAWorker) {
  Federation wire;
  wire.clients = 40;
  Federation fused = wire;
  fused.protocol.fidelity = Fidelity::fused;
  EXPECT_GT(wire.run().rounds[1].bytes_down, fused.run().rounds[1].bytes_down);
}

TEST(Coordinator, ServerAlphaKeepsAlphaOffTheWireAndStillMovesIt) {
  Federation federation;
  federation.protocol.protocol = Protocol::server_alpha;
  federation.options.update.alpha = {.kind = OptimizerKind::adam, .lr = 0.1};
  const auto result = federation.run();
  const test::ToyModel initial;
  bool moved = false;
  for (size_t i = 24; i < 32; ++i) moved |= result.model[i] != initial.arena.floats()[i];
  EXPECT_TRUE(moved);
}

TEST(Coordinator, ATaskThatIsOverdueGoesToAnotherWorkerAndChangesNothing) {
  const std::string expected = hash_of(Federation());
  for (const Fidelity fidelity : {Fidelity::wire, Fidelity::fused}) {
    // Whoever trains client 3 in round 1 first is held up until another begins to.
    std::atomic<int> attempts{0};
    Federation federation;
    federation.protocol.fidelity = fidelity;
    federation.options.schedule.task_timeout_s = 0.5;
    federation.options.schedule.max_failures = 100;  // tasks that wait behind the slow one are overdue, too
    federation.behaviour.before = [&attempts](int64_t round, int64_t client) {
      if (round != 1 || client != 3 || attempts++ > 0) return;
      for (int i = 0; i < 6000 && attempts < 2; ++i) std::this_thread::sleep_for(std::chrono::milliseconds(10));
    };
    const auto result = federation.run();
    EXPECT_GE(attempts, 2);
    EXPECT_EQ(result.end.model_hash, expected);
    EXPECT_GE(result.rounds[1].reassigned, 1);
  }
}

TEST(Coordinator, RefusesACheckpointOfAnotherConfiguration) {
  const test::TemporaryFolder folder;
  Federation federation;
  federation.checkpoints = folder.path();
  federation.run();
  federation.config = "another toy";
  EXPECT_THROW(federation.run(), CheckpointError);
}

TEST(Coordinator, RobustRulesNeedWireFidelity) {
  Federation federation;
  federation.protocol.fidelity = Fidelity::fused;
  federation.options.robust.rule = server::RobustRule::median;
  EXPECT_THROW(federation.run(), ConfigError);
}

TEST(Coordinator, SecureAggregationGivesTheSameBitsForEveryProtocolAndWeighting) {
  for (const Protocol protocol : {Protocol::gradient, Protocol::delta, Protocol::weights}) {
    for (const Weighting weighting : {Weighting::samples, Weighting::uniform}) {
      Federation plain;
      plain.protocol.protocol = protocol;
      plain.protocol.weighting = weighting;
      Federation secure = plain;
      secure.protocol.secure_aggregation = true;
      secure.workers = 3;
      EXPECT_EQ(hash_of(secure), hash_of(plain)) << static_cast<int>(protocol);
    }
  }
}

TEST(Coordinator, UnderSecureAggregationAFailedClientIsLeftOutAsItIsWithoutIt) {
  Federation plain;
  plain.behaviour.failing = {0, 4};
  Federation secure = plain;
  secure.protocol.secure_aggregation = true;
  const auto result = secure.run();
  EXPECT_EQ(result.end.model_hash, hash_of(plain));
  EXPECT_EQ(result.rounds.back().clients, 5);
}

TEST(Coordinator, UnderSecureAggregationAnUpdateThatIsNotFiniteIsLeftOut) {
  Federation plain;
  plain.behaviour.not_finite = {2};
  Federation secure = plain;
  secure.protocol.secure_aggregation = true;
  EXPECT_EQ(hash_of(secure), hash_of(plain));
}

/// Tells each client something of its own, round by round.
class Instructing : public server::SearchStrategy {
 public:
  std::string instruction(int64_t round, int64_t client) const override {
    return std::to_string(round) + " " + std::to_string(client);
  }
};

TEST(Coordinator, UnderSecureAggregationClientsAreStillToldWhatToTrainAlsoWhereOneDropsOut) {
  Federation plain;
  plain.strategy = std::make_shared<Instructing>();
  plain.behaviour.failing = {3};
  Federation secure = plain;
  secure.protocol.secure_aggregation = true;
  EXPECT_EQ(hash_of(secure), hash_of(plain));
  Federation untold = plain;
  untold.strategy = nullptr;
  EXPECT_NE(hash_of(untold), hash_of(plain));
}

TEST(Coordinator, UnderSecureAggregationALateClientsMasksAreRecovered) {
  Federation plain;
  plain.options.rounds = 1;
  plain.behaviour.failing = {3};
  // Client 3 trains until the round is over, however long that takes.
  std::atomic<bool> over{false};
  Federation secure = plain;
  secure.behaviour.failing = {};
  secure.slots = 2;  // so that nobody waits behind client 3
  secure.protocol.secure_aggregation = true;
  secure.options.schedule.deadline_s = 0.05;
  secure.options.schedule.min_results = 6.0 / 7;
  secure.behaviour.before = [&over](int64_t, int64_t client) {
    while (client == 3 && !over) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  };
  secure.behaviour.before_evaluation = [&over] { over = true; };
  const auto result = secure.run();
  EXPECT_EQ(result.rounds.back().clients, 6);
  EXPECT_EQ(result.end.model_hash, hash_of(plain));
}

TEST(Coordinator, UnderSecureAggregationAStoppedRunContinuesToTheSameBits) {
  const test::TemporaryFolder folder;
  Federation whole;
  whole.options.rounds = 4;
  Federation stopped = whole;
  stopped.protocol.secure_aggregation = true;
  stopped.checkpoints = folder.path();
  stopped.stop_after = 2;
  stopped.run();
  stopped.stop_after = -1;
  EXPECT_EQ(hash_of(stopped), hash_of(whole));
}

TEST(Coordinator, EndsWhenTooFewClientsAreLeftToUnmask) {
  Federation federation;
  federation.protocol.secure_aggregation = true;
  federation.behaviour.failing = {0, 1, 2};
  try {
    federation.run();
    FAIL() << "expected an error";
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), testing::HasSubstr("at least 5 of 7 clients that send an update, got 4"));
  }
}

TEST(Coordinator, RobustRulesAndSecureAggregationExcludeEachOther) {
  Federation federation;
  federation.protocol.secure_aggregation = true;
  federation.options.robust.norm_bound = 1;
  EXPECT_THROW(federation.run(), ConfigError);
}

TEST(Coordinator, AccountsForPrivacyRoundByRoundAlsoOverAStop) {
  const test::TemporaryFolder folder;
  Federation whole;
  whole.options.rounds = 4;
  whole.options.selection = {.kind = server::SelectionKind::uniform, .fraction = 0.5};
  whole.behaviour.failing = {2};  // with whose noise some round does without
  for (const auto guard : {defenses::Guard::messages, defenses::Guard::model}) {
    whole.privacy = defenses::PrivacyPlan{.guard = guard, .noise_multiplier = 2, .sampling_rate = 0.5, .cohort = 4};
    const auto expected = whole.run().rounds;
    ASSERT_EQ(expected.size(), 4u);
    for (size_t i = 1; i < 4; ++i) EXPECT_GE(expected[i].epsilon, expected[i - 1].epsilon);
    EXPECT_GT(expected[3].epsilon, expected[0].epsilon);
    Federation stopped = whole;
    stopped.checkpoints = folder / (guard == defenses::Guard::model ? "model" : "messages");
    stopped.stop_after = 2;
    stopped.run();
    stopped.stop_after = -1;
    const auto resumed = stopped.run().rounds;
    ASSERT_EQ(resumed.size(), 2u);
    EXPECT_EQ(resumed[0].epsilon, expected[2].epsilon);
    EXPECT_EQ(resumed[1].epsilon, expected[3].epsilon);
  }
  EXPECT_FALSE(Federation().run().rounds[0].epsilon);
}

TEST(Coordinator, AccountsForDpSgdByTheWorstClientAlsoOverAStop) {
  const test::TemporaryFolder folder;
  Federation whole;
  whole.options.rounds = 4;
  whole.options.selection = {.kind = server::SelectionKind::uniform, .fraction = 0.5};
  whole.dp_sgd = defenses::DpSgdPlan{};
  for (int64_t client = 0; client < whole.clients; ++client) {
    whole.dp_sgd->clients.push_back({.weights = {0.01 * static_cast<double>(client + 1), 10}});
  }
  const auto expected = whole.run().rounds;
  ASSERT_EQ(expected.size(), 4u);
  std::map<int64_t, int64_t> steps;
  for (int64_t round = 0; round < 4; ++round) {
    double worst = 0;
    for (const int64_t client : server::select_clients(whole.options.selection, whole.clients, 9, round)) {
      steps[client] += 10;
    }
    for (const auto& [client, count] : steps) {
      defenses::RdpAccountant accountant;
      accountant.record(1, 0.01 * static_cast<double>(client + 1), count);
      worst = std::max(worst, accountant.spent(1e-5).epsilon);
    }
    EXPECT_EQ(*expected[round].epsilon, worst);
    if (round > 0) {
      EXPECT_GE(*expected[round].epsilon, *expected[round - 1].epsilon);
    }
  }
  Federation stopped = whole;
  stopped.checkpoints = folder.path();
  stopped.stop_after = 2;
  stopped.run();
  stopped.stop_after = -1;
  const auto resumed = stopped.run().rounds;
  ASSERT_EQ(resumed.size(), 2u);
  EXPECT_EQ(resumed[0].epsilon, expected[2].epsilon);
  EXPECT_EQ(resumed[1].epsilon, expected[3].epsilon);
}

TEST(Coordinator, EndsWhenNoWorkerComes) {
  Federation federation;
  federation.workers = 0;
  federation.options.worker_patience_s = 0.2;
  EXPECT_THROW(federation.run(), Error);
}

}  // namespace
}  // namespace archleak
