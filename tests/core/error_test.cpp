#include "core/error.h"

#include <gtest/gtest.h>

namespace archleak {
namespace {

TEST(Error, EveryKindHasItsExitCode) {
  EXPECT_EQ(exit_code(ConfigError("")), ExitCode::usage);
  EXPECT_EQ(exit_code(DataError("")), ExitCode::data);
  EXPECT_EQ(exit_code(TransportError("")), ExitCode::transport);
  EXPECT_EQ(exit_code(ProtocolError("")), ExitCode::transport);
  EXPECT_EQ(exit_code(CheckpointError("")), ExitCode::checkpoint);
  EXPECT_EQ(exit_code(Error("")), ExitCode::failure);
  EXPECT_EQ(exit_code(std::bad_alloc()), ExitCode::failure);
}

TEST(Error, TheWholeFamilyIsCaughtAsError) {
  EXPECT_THROW(throw ProtocolError("expected 1, got 2"), Error);
  EXPECT_STREQ(CheckpointError("expected 1, got 2").what(), "expected 1, got 2");
}

}  // namespace
}  // namespace archleak
