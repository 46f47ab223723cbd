// Workers and coordinators that die: the run ends with the same bits and loses no round.
#include <gmock/gmock.h>
#include <signal.h>

#include <algorithm>

#include "tests/run/archleak_program.h"
#include "tests/support/paths.h"

namespace archleak {
namespace {

constexpr int64_t kRounds = 6;

/// A coordinator on an ipc address and workers of its own, each a process that a test may kill.
class Faults : public testing::TestWithParam<const char*> {
 protected:
  Faults() : config_(test::write_tiny_search(folder_.path(), kRounds)), url_("ipc://" + (folder_ / "s").string()) {}

  /// The hash of a run that nothing happens to; without secure aggregation, which must not change it.
  std::string undisturbed() {
    const auto ended = test::archleak({"run", config_.string(), "--out", (folder_ / "whole").string()}, folder_.path());
    EXPECT_EQ(ended.code, 0) << ended.output;
    return test::last_metric(folder_ / "whole", "model_hash");
  }

  std::string setting() const { return std::string("federation.") + GetParam(); }

  std::unique_ptr<test::Process> coordinator() {
    return test::start_archleak(
        {"coordinator", config_.string(), "--out", run().string(), "--bind", url_, "--set", setting()},
        folder_ / "coordinator.txt");
  }

  std::unique_ptr<test::Process> worker(const std::string& name) {
    return test::start_archleak({"worker", "--connect", url_, "--name", name, "--give-up", "60"},
                                folder_ / (name + ".txt"));
  }

  bool reaches_round(int64_t round) {
    return test::eventually([&] { return test::finished_rounds(run()) >= round; });
  }

  std::filesystem::path run() const { return folder_ / "run"; }

  test::TemporaryFolder folder_;
  std::filesystem::path config_;
  std::string url_;
};

TEST_P(Faults, AWorkerThatIsKilledMidRoundCostsNoRound) {
  const std::string expected = undisturbed();
  const auto server = coordinator();
  const auto first = worker("a");
  const auto second = worker("b");
  ASSERT_TRUE(reaches_round(2));
  first->signal(SIGKILL);
  EXPECT_EQ(first->wait(), -SIGKILL);
  EXPECT_EQ(server->wait(), 0) << server->output();
  EXPECT_EQ(test::finished_rounds(run()), kRounds);
  EXPECT_EQ(test::last_metric(run(), "model_hash"), expected);
  EXPECT_TRUE(test::has_event(run(), "worker_lost"));
}

TEST_P(Faults, AWorkerThatIsStoppedPastItsLeaseCostsNoRound) {
  const std::string expected = undisturbed();
  const auto server = coordinator();
  const auto first = worker("a");
  const auto second = worker("b");
  ASSERT_TRUE(reaches_round(2));
  first->signal(SIGSTOP);
  ASSERT_TRUE(test::eventually([&] { return test::has_event(run(), "worker_lost"); }));
  first->signal(SIGCONT);
  EXPECT_EQ(server->wait(), 0) << server->output();
  EXPECT_EQ(test::finished_rounds(run()), kRounds);
  EXPECT_EQ(test::last_metric(run(), "model_hash"), expected);
}

TEST_P(Faults, ACoordinatorThatIsKilledAndResumedCostsNoRound) {
  const std::string expected = undisturbed();
  auto server = coordinator();
  const auto first = worker("a");
  const auto second = worker("b");
  ASSERT_TRUE(reaches_round(2));
  server->signal(SIGKILL);
  server->wait();
  const auto resumed = test::start_archleak({"coordinator", "--resume", "--out", run().string(), "--bind", url_},
                                            folder_ / "resumed.txt");
  EXPECT_EQ(resumed->wait(), 0) << resumed->output();  // the same workers serve it
  EXPECT_EQ(test::finished_rounds(run()), kRounds);
  EXPECT_EQ(test::last_metric(run(), "model_hash"), expected);
}

INSTANTIATE_TEST_SUITE_P(WaysToSend, Faults,
                         testing::Values("fidelity=wire", "fidelity=fused", "secure_aggregation=true"),
                         [](const auto& info) {
                           std::string name = info.param;
                           std::replace(name.begin(), name.end(), '=', '_');
                           return name;
                         });

}  // namespace
}  // namespace archleak
