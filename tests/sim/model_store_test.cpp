#include "sim/model_store.h"

#include <gmock/gmock.h>
#include <torch/version.h>

#include <cstdlib>

#include "core/instruction_set.h"
#include "sim/setup.h"
#include "tests/support/paths.h"

namespace archleak::sim {
namespace {

using testing::HasSubstr, testing::Not;

constexpr const char* kConfig = R"([data]
name = "digits"
train_size = 60
test_size = 20
[federation]
clients = 2
rounds = 1
[space]
channels = 2
layers = 2
)";

RunConfig parse(const std::vector<std::string>& overrides) {
  Config config = Config::parse(kConfig, "run.toml", overrides);
  RunConfig run;
  describe(config.root(), run);
  config.reject_unknown();
  return run;
}

/// The key of such a run on 60 digits.
std::string key(std::vector<std::string> overrides) {
  const auto data = make_training_data(parse({}), data::load(parse({}).data, 1).train);
  return model_key(parse(overrides), *data);
}

std::vector<std::string> joined(std::vector<std::string> one, const std::vector<std::string>& two) {
  one.insert(one.end(), two.begin(), two.end());
  return one;
}

TEST(ModelKey, LeavesOutWhatDoesNotChangeTheModel) {
  const std::vector<std::string> search{}, train{"run.workload=train", "network.name=derived"},
      cnn{"run.workload=train", "network.name=cnn"};
  const auto same = [](const std::vector<std::string>& run, const std::vector<std::string>& more) {
    EXPECT_EQ(key(joined(run, more)), key(run)) << more.front();
  };
  for (const auto& run : {search, train, cnn}) {
    for (const char* more :
         {"run.name=other", "workers.count=7", "data.root=/elsewhere", "data.train_size=61",
          "federation.checkpoint_every=5", "federation.keep_checkpoints=9", "federation.evaluate_every=3",
          "partition.scheme=dirichlet", "defense.dp_sgd.clip=3", "defense.noise.amount=3",
          "defense.adversarial.lambda=9", "defense.distillation.entropy_quantile=0.3", "search.enas.samples=3",
          "search.smash.units=4", "search.pdarts.max_skips=3", "graph.cells=9"}) {
      same(run, {more});
    }
  }
  for (const char* more : {"network.layers=4", "network.drop_path=0.2"}) same(search, {more});
  for (const char* more :
       {"space.layers=4", "space.kind=graph", "search.alpha_lr=0.1", "search.order=second", "search.strategy=smash"}) {
    same(train, {more});
    same(cnn, {more});
  }
  for (const char* more : {"network.layers=4", "network.genotype=random"}) same(cnn, {more});
}

TEST(ModelKey, HasAllThatChangesTheModel) {
  const auto differs = [](const std::vector<std::string>& run, const std::vector<std::string>& more) {
    EXPECT_NE(key(joined(run, more)), key(run)) << more.front();
  };
  for (const char* more : {"run.seed=2", "federation.rounds=2", "training.lr=0.1", "training.carry_optimizer=true",
                           "data.transform.flip=true", "space.layers=4", "search.alpha_lr=0.1", "space.kind=graph",
                           "federation.batch_norm=group", "defense.input_noise=0.1"}) {
    differs({}, {more});
  }
  const std::vector<std::string> smash{"search.strategy=smash", "federation.batch_norm=batch"};
  differs({"federation.batch_norm=batch"}, smash);
  differs(smash, {"search.smash.units=4"});
  differs({"space.kind=graph"}, {"graph.cells=9"});
  const std::vector<std::string> derived{"run.workload=train", "network.name=derived"};
  differs(derived, {"network.layers=4"});
  differs(joined(derived, {"network.genotype=random"}), {"space.steps=5"});
  differs(joined(derived, {"defense.dp_sgd.enabled=true"}), {"defense.dp_sgd.clip=3"});
}

TEST(ModelKey, IsThatOfTheProcessorUnlessTheEnvironmentChoosesTheKernels) {
  const auto set = [](const char* variable, const char* value) { ::setenv(variable, value, /*overwrite=*/1); };
  const char* aten = std::getenv("ATEN_CPU_CAPABILITY");
  const char* blas = std::getenv("OPENBLAS_CORETYPE");
  const std::string before_aten = aten ? aten : "", before_blas = blas ? blas : "";
  set("ATEN_CPU_CAPABILITY", "");
  set("OPENBLAS_CORETYPE", "");
  const auto own = key({});
  EXPECT_THAT(arithmetic_in_use(), HasSubstr(processor()));
  set("OPENBLAS_CORETYPE", "Haswell");
  EXPECT_THAT(arithmetic_in_use(), HasSubstr(processor())) << "LibTorch's kernels are its own choice";
  EXPECT_NE(key({}), own);
  set("ATEN_CPU_CAPABILITY", "avx2");
  EXPECT_THAT(arithmetic_in_use(), Not(HasSubstr(processor())));
  set("ATEN_CPU_CAPABILITY", before_aten.c_str());
  set("OPENBLAS_CORETYPE", before_blas.c_str());
}

TEST(ModelKey, IsThatOfTheArithmeticInUse) {
  EXPECT_THAT(arithmetic_in_use(), HasSubstr(TORCH_VERSION));
  EXPECT_THAT(arithmetic_in_use(), HasSubstr(std::string(name_of(instruction_set()))));
  const InstructionSet before = instruction_set();
  const auto own = key({});
  for (const InstructionSet other : available_instruction_sets()) {
    use_instruction_set(other);
    EXPECT_EQ(key({}) == own, other == before) << name_of(other);
  }
  use_instruction_set(before);
}

}  // namespace
}  // namespace archleak::sim
