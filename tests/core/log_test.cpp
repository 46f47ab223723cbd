#include "core/log.h"

#include <gmock/gmock.h>

#include "core/file.h"
#include "tests/support/paths.h"

namespace archleak {
namespace {

using testing::HasSubstr;
using testing::Not;

/// Puts the default logger back.
class LogTest : public testing::Test {
 protected:
  ~LogTest() override { spdlog::set_default_logger(before_); }
  std::shared_ptr<spdlog::logger> before_ = spdlog::default_logger();
};

TEST_F(LogTest, TheFileTakesEverythingFromDebugOnWithTheRole) {
  const test::TemporaryFolder folder;
  start_logging("worker 2", "off", folder / "log");
  spdlog::trace("unseen");
  spdlog::debug("some detail");
  spdlog::warn("a warning");
  spdlog::default_logger()->flush();
  const std::string text = read_file(folder / "log");
  EXPECT_THAT(text, HasSubstr("[worker 2] some detail"));
  EXPECT_THAT(text, HasSubstr("[worker 2] a warning"));
  EXPECT_THAT(text, Not(HasSubstr("unseen")));
}

TEST_F(LogTest, AnotherStartAppends) {
  const test::TemporaryFolder folder;
  start_logging("coordinator", "off", folder / "log");
  spdlog::info("first");
  start_logging("coordinator", "off", folder / "log");
  spdlog::info("second");
  const std::string text = read_file(folder / "log");
  EXPECT_THAT(text, HasSubstr("first"));
  EXPECT_THAT(text, HasSubstr("second"));
}

TEST_F(LogTest, TheConsoleTakesItsOwnLevel) {
  const test::TemporaryFolder folder;
  testing::internal::CaptureStderr();
  start_logging("coordinator", "warn", folder / "log");
  spdlog::info("for the file");
  spdlog::warn("for both");
  spdlog::default_logger()->flush();
  const std::string console = testing::internal::GetCapturedStderr();
  EXPECT_THAT(console, HasSubstr("for both"));
  EXPECT_THAT(console, Not(HasSubstr("for the file")));
  EXPECT_THAT(read_file(folder / "log"), HasSubstr("for the file"));
}

}  // namespace
}  // namespace archleak
