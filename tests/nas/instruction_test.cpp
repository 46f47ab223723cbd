#include "nas/instruction.h"

#include <gtest/gtest.h>

#include "core/error.h"

namespace archleak::nas {
namespace {

const Stage kStage{.first_round = 4, .rounds = 3, .space = {.layers = 2, .kept = {7, 255, 129}, .skip_dropout = 0.25}};

TEST(Instruction, ComesBackFromItsBytes) {
  const std::vector<Instruction> all{{}, Choice{0, 7, 3}, kStage, RandomSubNetworks{4}};
  for (const Instruction& instruction : all) EXPECT_EQ(decode_instruction(encode(instruction)), instruction);
  EXPECT_TRUE(encode({}).empty());
}

TEST(Instruction, BytesOfNoInstructionAreRefused) {
  EXPECT_THROW(decode_instruction("x"), DataError);
  EXPECT_THROW(decode_instruction(std::string(8, '\x7f')), DataError);
  const std::string stage = encode(kStage);
  for (size_t length = 1; length < stage.size() - kStage.space.kept.size(); ++length) {
    EXPECT_THROW(decode_instruction(stage.substr(0, length)), DataError) << length;
  }
  EXPECT_THROW(decode_instruction(encode(RandomSubNetworks{17})), DataError);
  EXPECT_THROW(decode_instruction(encode(RandomSubNetworks{4}) + "x"), DataError);
  Stage none = kStage;
  none.rounds = 0;
  EXPECT_THROW(decode_instruction(encode(none)), DataError);
}

}  // namespace
}  // namespace archleak::nas
