#include "core/instruction_set.h"

#include <gtest/gtest.h>

#include <fstream>
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

#ifdef __x86_64__
TEST(InstructionSet, TheProcessorIsTheOneThatTheKernelTellsOf) {
  std::string vendor, family, model;
  std::ifstream file("/proc/cpuinfo");
  const auto value_of = [](const std::string& line) { return line.substr(line.find(':') + 2); };
  for (std::string line; std::getline(file, line) && !line.empty();) {
    if (line.starts_with("vendor_id")) vendor = value_of(line);
    if (line.starts_with("cpu family")) family = value_of(line);
    if (line.starts_with("model\t")) model = value_of(line);
  }
  if (vendor.empty()) GTEST_SKIP() << "/proc/cpuinfo has no vendor here";
  EXPECT_EQ(processor(), vendor + " " + family + "." + model);
}
#endif

}  // namespace
}  // namespace archleak
