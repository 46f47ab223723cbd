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
    // Whoever trains client 3 in round 1 first is slow; the second attempt is not.
    std::atomic<bool> slow{false};
    Federation federation;
    federation.protocol.fidelity = fidelity;
    federation.options.schedule.task_timeout_s = 0.5;
    federation.options.schedule.max_failures = 100;  // tasks that wait behind the slow one are overdue, too
    federation.behaviour.before = [&slow](int64_t round, int64_t client) {
      if (round == 1 && client == 3 && !slow.exchange(true)) std::this_thread::sleep_for(std::chrono::seconds(2));
    };
    const auto result = federation.run();
    EXPECT_TRUE(slow);
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

TEST(Coordinator, EndsWhenNoWorkerComes) {
  Federation federation;
  federation.workers = 0;
  federation.options.worker_patience_s = 0.2;
  EXPECT_THROW(federation.run(), Error);
}

}  // namespace
}  // namespace archleak
