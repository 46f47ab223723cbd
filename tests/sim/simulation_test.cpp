#include "sim/simulation.h"

#include <gtest/gtest.h>

#include <fstream>

#include "core/error.h"
#include "tests/support/paths.h"

namespace archleak::sim {
namespace {

constexpr const char* kConfig = R"([data]
name = "digits"
train_size = 60
test_size = 20
[federation]
clients = 3
rounds = 2
[space]
channels = 2
layers = 2
steps = 2
multiplier = 2
[training]
batch_size = 8
max_steps = 1
)";

class SimulationTest : public testing::Test {
 protected:
  /// The hash of the model that the configuration gives with these overrides; "stopped" if it was.
  std::string hash(const std::vector<std::string>& overrides, const std::string& checkpoints, bool stopped = false) {
    const auto file = folder_ / "config.toml";
    std::ofstream(file) << kConfig;
    Simulation simulation{.run = {}, .data = {}, .checkpoints = folder_ / checkpoints};
    simulation.run = load_run_config(file, overrides, nullptr);
    simulation.data = make_training_data(simulation.run);
    const std::atomic<bool> stop{stopped};
    const auto model = simulate(simulation, stop);
    if (!model) return "stopped";
    EXPECT_FALSE(model->network->is_training());
    return model->arena.hash();
  }

  archleak::test::TemporaryFolder folder_;
};

TEST_F(SimulationTest, GivesTheSameBitsForAnyNumberOfSlotsAndEitherFidelity) {
  const auto one = hash({}, "one");
  EXPECT_EQ(hash({"workers.slots=3"}, "slots"), one);
  EXPECT_EQ(hash({"federation.fidelity=fused"}, "fused"), one);
  EXPECT_NE(hash({"run.seed=2"}, "seed"), one);
}

TEST_F(SimulationTest, StoppedIsContinuedToTheSameBitsAndIsNotRunAgainAtItsEnd) {
  const auto whole = hash({}, "whole");
  EXPECT_EQ(hash({}, "parts", /*stopped=*/true), "stopped");
  EXPECT_EQ(hash({}, "parts"), whole);
  EXPECT_EQ(hash({}, "parts", /*stopped=*/true), whole) << "there is nothing left to stop";
}

TEST_F(SimulationTest, TheCheckpointsOfAnotherConfigurationAreRefused) {
  hash({}, "checkpoints");
  EXPECT_THROW(hash({"training.lr=0.001"}, "checkpoints"), CheckpointError);
}

TEST_F(SimulationTest, IsTheSameRunHoweverOftenItIsKept) {
  const auto whole = hash({}, "whole");
  EXPECT_EQ(hash({"federation.checkpoint_every=1"}, "kept"), whole);
  EXPECT_EQ(hash({"federation.checkpoint_every=2"}, "kept", /*stopped=*/true), whole) << "it is trained already";
}

TEST_F(SimulationTest, WhatAWorkerThrowsIsThrown) {
  EXPECT_THROW(hash({"training.lr=1e30", "training.max_steps=0", "training.epochs=3"}, "diverged"), Error);
}

}  // namespace
}  // namespace archleak::sim
