// Runs with defences against membership inference, in one process.
#include <gmock/gmock.h>

#include <fstream>
#include <thread>

#include "client/train_workload.h"
#include "core/error.h"
#include "core/file.h"
#include "sim/run_directory.h"
#include "sim/simulation.h"
#include "sim/teacher.h"
#include "tests/support/paths.h"

namespace archleak::sim {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using Overrides = std::vector<std::string>;

constexpr const char* kRows = R"([run]
workload = "train"
[data]
name = "table30"
train_size = 200
test_size = 60
[federation]
clients = 3
rounds = 2
protocol = "weights"
[network]
name = "column_fc"
[training]
batch_size = 8
max_steps = 3
[defense.adversarial]
prediction_layers = [16]
label_layers = [8]
joint_layers = [8]
)";

constexpr const char* kDigits = R"([run]
workload = "train"
[data]
name = "digits"
train_size = 120
test_size = 20
[data.transform]
crop_padding = 2
[federation]
clients = 2
rounds = 2
protocol = "weights"
[network]
name = "derived"
channels = 4
layers = 3
[training]
batch_size = 8
max_steps = 2
)";

Overrides with(Overrides overrides, const Overrides& more) {
  overrides.insert(overrides.end(), more.begin(), more.end());
  return overrides;
}

class MembershipDefences : public testing::Test {
 protected:
  Simulation simulation(const Overrides& overrides, const fs::path& checkpoints) const {
    const auto file = folder_ / "config.toml";
    std::ofstream(file) << text_;
    Simulation made{.run = {}, .data = {}, .checkpoints = checkpoints};
    made.run = load_run_config(file, overrides, nullptr);
    made.data = make_training_data(made.run);
    return made;
  }

  static std::string hash(const Simulation& simulation) {
    const std::atomic<bool> stop{false};
    return simulate(simulation, stop).value().arena.hash();
  }
  std::string hash(const Overrides& overrides, const std::string& checkpoints) const {
    return hash(simulation(overrides, folder_ / checkpoints));
  }

  /// Stops once a round is done, and continues.
  std::string hash_in_two_parts(const Overrides& overrides, const std::string& checkpoints) const {
    const auto parts = simulation(overrides, folder_ / checkpoints);
    std::atomic<bool> stop{false};
    std::thread watch([&] {
      while (!fs::exists(parts.checkpoints / "round-000001.ckpt")) {
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
      }
      stop = true;
    });
    const bool ended = simulate(parts, stop).has_value();
    watch.join();
    EXPECT_FALSE(ended) << "more rounds are needed for this to test anything";
    return hash(parts);
  }

  /// A finished run in a folder of its own: what `--set defense.distillation.teacher` is given.
  std::string teacher(const Overrides& overrides, const std::string& name = "teacher", bool finished = true) const {
    const auto directory = RunDirectory::create(folder_ / name, false);
    const auto run = simulation(overrides, directory.checkpoints());
    write_file_atomically(directory.config(), resolved(run.run));
    std::atomic<bool> stop{!finished};
    simulate(run, stop);
    return "defense.distillation.teacher=" + directory.path().string();
  }

  template <typename Error>
  std::string error_of(const Overrides& overrides) const {
    try {
      simulation(overrides, folder_ / "never");
    } catch (const Error& error) {
      return error.what();
    }
    return "no error";
  }

  archleak::test::TemporaryFolder folder_;
  std::string text_ = kRows;
};

const Overrides kPrivateHalf{"data.train_limit=100"};
const Overrides kReferenceHalf{"data.train_skip=100"};
const Overrides kAdversarial{"defense.adversarial.enabled=true"};

TEST_F(MembershipDefences, AStudentIsTheSameToTheBitForAnyNumberOfSlotsEitherFidelityAndAfterAStop) {
  const auto student = with(kReferenceHalf, {teacher(kPrivateHalf), "federation.rounds=12"});
  const auto one = hash(student, "one");
  EXPECT_EQ(hash(with(student, {"workers.slots=3"}), "slots"), one);
  EXPECT_EQ(hash(with(student, {"federation.fidelity=fused"}), "fused"), one);
  EXPECT_EQ(hash_in_two_parts(student, "parts"), one);
  EXPECT_NE(hash(with(student, {"defense.distillation.entropy_quantile=1"}), "all"), one);
  EXPECT_NE(hash(with(kReferenceHalf, {"federation.rounds=12"}), "labels"), one);
}

TEST_F(MembershipDefences, EachClientOfAStudentKeepsHalfOfItsReferenceExamples) {
  const auto whole = simulation(kReferenceHalf, folder_ / "never").data;
  const auto student = simulation(with(kReferenceHalf, {teacher(kPrivateHalf)}), folder_ / "never").data;
  for (size_t client = 0; client < 3; ++client) {
    const auto &kept = student->partition[client], &own = whole->partition[client];
    EXPECT_EQ(kept.size(), (own.size() + 1) / 2);
    EXPECT_TRUE(std::ranges::includes(own, kept));
  }
  EXPECT_EQ(student->soft_labels.probabilities.size(), 100u * 30);
}

TEST_F(MembershipDefences, ADerivedStudentWithAuxiliaryHeadAndCropsReadsNoLabels) {
  text_ = kDigits;
  const auto given = teacher({"data.train_limit=60", "network.name=cnn"});
  auto student = simulation({given, "data.train_skip=60", "network.auxiliary=true"}, folder_ / "labels");
  const auto expected = hash(student);
  auto data = *student.data;
  std::ranges::reverse(data.splits.train.labels);
  EXPECT_NE(data.splits.train.labels, student.data->splits.train.labels);
  student.data = std::make_shared<const client::TrainingData>(std::move(data));
  student.checkpoints = folder_ / "permuted";
  EXPECT_EQ(hash(student), expected);
  EXPECT_NE(hash({given, "data.train_skip=60"}, "no auxiliary head"), expected);
}

TEST_F(MembershipDefences, AStudentTrainsUnderDpSgd) {
  text_ = kDigits;
  // The teacher has batch normalisation with statistics of its own; the student has none.
  const Overrides student{teacher({"data.train_limit=60"}), "data.train_skip=60", "network.name=cnn",
                          "defense.dp_sgd.enabled=true", "defense.distillation.entropy_quantile=1"};
  EXPECT_EQ(hash(student, "one"), hash(with(student, {"workers.slots=2"}), "two"));
}

TEST_F(MembershipDefences, RefusesATeacherThatMayHaveSeenTheReferenceSet) {
  const auto whole = teacher({}, "whole");
  EXPECT_THAT(error_of<ConfigError>(with(kReferenceHalf, {whole})),
              HasSubstr("defense.distillation.teacher: expected a reference set that the teacher was not trained on"));
  const auto half = teacher(kPrivateHalf, "half");
  EXPECT_THAT(error_of<ConfigError>({half, "data.train_skip=99"}), HasSubstr("data.train_skip 99"));
  EXPECT_THAT(error_of<ConfigError>({half}), HasSubstr("data.train_skip"));
  EXPECT_EQ(error_of<ConfigError>(with(kReferenceHalf, {half})), "no error");
  EXPECT_EQ(error_of<ConfigError>({half, "run.seed=2"}), "no error") << "other rows are drawn";
}

TEST_F(MembershipDefences, RefusesATeacherThatCannotAnswer) {
  EXPECT_THROW(simulation({"defense.distillation.teacher=" + (folder_ / "none").string()}, {}), DataError);
  const auto unfinished = teacher(kPrivateHalf, "unfinished", /*finished=*/false);
  EXPECT_THROW(simulation(with(kReferenceHalf, {unfinished}), {}), CheckpointError);
  text_ = kDigits;
  const auto mixing = teacher({"data.train_limit=60", "federation.batch_norm=batch"}, "mixing");
  EXPECT_THAT(error_of<ConfigError>({mixing, "data.train_skip=60"}), HasSubstr("no statistics of its own"));
  const auto grouped = teacher({"data.train_limit=60", "federation.batch_norm=group"}, "grouped");
  EXPECT_EQ(error_of<ConfigError>({grouped, "data.train_skip=60"}), "no error");
}

TEST_F(MembershipDefences, AdversarialRegularisationIsTheSameToTheBitForAnyNumberOfSlotsEitherFidelityAndAfterAStop) {
  const auto defended = with(kAdversarial, {"federation.rounds=12"});
  const auto one = hash(defended, "one");
  EXPECT_EQ(hash(with(defended, {"workers.slots=3"}), "slots"), one);
  EXPECT_EQ(hash(with(defended, {"federation.fidelity=fused"}), "fused"), one);
  EXPECT_EQ(hash_in_two_parts(defended, "parts"), one);
  EXPECT_NE(hash(with(defended, {"defense.adversarial.lambda=0"}), "free"), one);
  const auto differences = with(kAdversarial, {"federation.protocol=delta"});
  EXPECT_EQ(hash(with(differences, {"workers.slots=3"}), "delta slots"), hash(differences, "delta"));
}

TEST_F(MembershipDefences, AdversarialRegularisationTrainsDerivedNetworks) {
  text_ = kDigits;
  const auto defended = with(kAdversarial, {"network.auxiliary=true", "network.drop_path=0.2"});
  EXPECT_EQ(hash(defended, "one"), hash(with(defended, {"workers.slots=2"}), "two"));
}

}  // namespace
}  // namespace archleak::sim
