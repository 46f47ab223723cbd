#include "nas/instruction.h"

#include <bit>

#include "core/bytes.h"
#include "core/error.h"
#include "nas/search_network.h"

namespace archleak::nas {
namespace {

constexpr int64_t kMostSteps = 16;

enum Kind : uint32_t { kChoice = 1, kStage = 2, kRandom = 3 };

std::string encode_stage(const Stage& stage) {
  ByteWriter writer;
  writer.u32(kStage);
  writer.i64(stage.first_round);
  writer.i64(stage.rounds);
  writer.i64(stage.space.layers);
  writer.u64(std::bit_cast<uint64_t>(stage.space.skip_dropout));
  writer.raw({reinterpret_cast<const char*>(stage.space.kept.data()), stage.space.kept.size()});
  return writer.take();
}

Stage decode_stage(ByteReader& reader) {
  Stage stage;
  stage.first_round = reader.i64();
  stage.rounds = reader.i64();
  stage.space.layers = reader.i64();
  stage.space.skip_dropout = std::bit_cast<double>(reader.u64());
  const auto kept = reader.raw(reader.left());
  stage.space.kept.assign(kept.begin(), kept.end());
  if (stage.rounds < 1) reader.fail("a stage of at least 1 round", std::to_string(stage.rounds));
  return stage;
}

RandomSubNetworks decode_random(ByteReader& reader) {
  const RandomSubNetworks random{.steps = reader.i64()};
  reader.expect_end();
  if (random.steps < 1 || random.steps > kMostSteps) {
    reader.fail("cells of 1 to 16 nodes", std::to_string(random.steps));
  }
  return random;
}

}  // namespace

std::string encode(const Instruction& instruction) {
  if (const auto* stage = std::get_if<Stage>(&instruction)) return encode_stage(*stage);
  ByteWriter writer;
  if (const auto* random = std::get_if<RandomSubNetworks>(&instruction)) {
    writer.u32(kRandom);
    writer.i64(random->steps);
    return writer.take();
  }
  const auto* choice = std::get_if<Choice>(&instruction);
  if (!choice) return {};
  writer.u32(kChoice);
  writer.raw(encode_choice(*choice));
  return writer.take();
}

Instruction decode_instruction(std::string_view bytes) {
  if (bytes.empty()) return {};
  try {
    ByteReader reader(bytes, "instruction");
    const uint32_t kind = reader.u32();
    if (kind == kChoice) return decode_choice(reader.raw(reader.left()));
    if (kind == kStage) return decode_stage(reader);
    if (kind == kRandom) return decode_random(reader);
    reader.fail("sub-networks or a stage", std::to_string(kind));
  } catch (const CheckpointError& error) {
    throw DataError(error.what());
  }
}

void apply(const Instruction& instruction, SearchNetwork& network) {
  const auto* choice = std::get_if<Choice>(&instruction);
  const auto* stage = std::get_if<Stage>(&instruction);
  network.select(choice ? *choice : Choice{});
  network.restrict(stage ? stage->space : SubSpace{});
}

}  // namespace archleak::nas
