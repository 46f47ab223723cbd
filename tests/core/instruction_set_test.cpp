#include "core/instruction_set.h"

#include <gtest/gtest.h>

#include <string>

#include "core/error.h"

namespace archleak {
namespace {

TEST(InstructionSet, BaselineIsAlwaysAvailable) {
  EXPECT_EQ(available_instruction_sets().front(), InstructionSet::baseline);
}

TEST(InstructionSet, IsTheOneThatWasChosenLast) {
  const InstructionSet before = instruction_set();
  for (const InstructionSet set : available_instruction_sets()) {
    use_instruction_set(set);
    EXPECT_EQ(instruction_set(), set);
  }
  use_instruction_set(before);
}

TEST(InstructionSet, EveryAvailableOneIsFoundByItsName) {
  for (const InstructionSet set : available_instruction_sets()) EXPECT_EQ(instruction_set_named(name_of(set)), set);
}

TEST(InstructionSet, AnUnknownOneIsRefusedWithTheNamesThatThereAre) {
  try {
    instruction_set_named("mmx");
    FAIL() << "expected a ConfigError";
  } catch (const ConfigError& error) {
    EXPECT_NE(std::string(error.what()).find("expected one of baseline"), std::string::npos) << error.what();
    EXPECT_NE(std::string(error.what()).find("\"mmx\""), std::string::npos) << error.what();
  }
}

}  // namespace
}  // namespace archleak
