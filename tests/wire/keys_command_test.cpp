#include "sim/keys_command.h"

#include <gmock/gmock.h>

#include "core/error.h"
#include "tests/support/paths.h"
#include "wire/keys.h"

namespace archleak::sim {
namespace {

std::string run(const std::string& line) {
  CLI::App app;
  add_keys_command(app);
  testing::internal::CaptureStdout();
  try {
    app.parse(line);
  } catch (...) {
    testing::internal::GetCapturedStdout();
    throw;
  }
  return testing::internal::GetCapturedStdout();
}

TEST(KeysCommand, NewMakesKeysThatCoordinatorAndWorkerCanUse) {
  const archleak::test::TemporaryFolder folder;
  const auto keys = folder / "keys";
  const std::string output = run("keys new " + keys.string());
  const wire::WorkerKeys worker = wire::read_worker_keys(keys);
  EXPECT_TRUE(wire::read_coordinator_keys(keys).workers.allows(worker.own.public_key));
  EXPECT_THAT(output, testing::HasSubstr(worker.own.public_key));
  EXPECT_THAT(output, testing::Not(testing::HasSubstr(worker.own.secret_key)));
  EXPECT_THROW(run("keys new " + keys.string()), ConfigError);
}

TEST(KeysCommand, ShowPrintsPublicKeysOnly) {
  const archleak::test::TemporaryFolder folder;
  wire::create_key_folder(folder.path());
  const std::string worker = wire::read_public_key(folder / "worker.pub") + "\n";
  EXPECT_EQ(run("keys show " + (folder / "worker.key").string()), worker);
  EXPECT_EQ(run("keys show " + (folder / "worker.pub").string()), worker);
  EXPECT_EQ(run("keys show " + (folder / "allowed_workers").string()), worker);
  EXPECT_THROW(run("keys show " + (folder / "nothing").string()), ConfigError);
}

TEST(KeysCommand, NeedsToBeToldWhatToDo) {
  EXPECT_THROW(run("keys"), CLI::ParseError);
  EXPECT_THROW(run("keys new"), CLI::ParseError);
}

}  // namespace
}  // namespace archleak::sim
