#include "defenses/secure_messages.h"

#include <algorithm>
#include <cstring>

#include "core/bytes.h"
#include "core/error.h"

namespace archleak::defenses {
namespace {

void write(ByteWriter& writer, const PublicKey& key) {
  writer.raw({reinterpret_cast<const char*>(key.data()), key.size()});
}

void write(ByteWriter& writer, const std::vector<int64_t>& numbers) {
  writer.u64(numbers.size());
  for (const int64_t number : numbers) writer.i64(number);
}

void write(ByteWriter& writer, const std::vector<std::string>& texts) {
  writer.u64(texts.size());
  for (const auto& text : texts) writer.text(text);
}

PublicKey read_key(ByteReader& reader) {
  PublicKey key;
  std::memcpy(key.data(), reader.raw(key.size()).data(), key.size());
  return key;
}

/// As many as the bytes say; they end early where they lie.
template <typename Read>
auto read_list(ByteReader& reader, const Read& read) {
  std::vector<decltype(read())> list;
  for (uint64_t left = reader.u64(); left > 0; --left) list.push_back(read());
  return list;
}

std::vector<int64_t> read_numbers(ByteReader& reader) {
  return read_list(reader, [&] { return reader.i64(); });
}

std::vector<std::string> read_texts(ByteReader& reader) {
  return read_list(reader, [&] { return std::string(reader.text()); });
}

/// Reads all of `bytes`; what is wrong with them is the sender's fault.
template <typename Read>
auto decode(std::string_view bytes, const char* what, const Read& read) {
  try {
    ByteReader reader(bytes, what);
    auto value = read(reader);
    reader.expect_end();
    return value;
  } catch (const CheckpointError& error) {
    throw ProtocolError(error.what());
  }
}

}  // namespace

std::string encode_instruction(const SecureInstruction& instruction) {
  const SecureRoster& roster = instruction.roster;
  ByteWriter writer;
  writer.u64(roster.session);
  writer.i64(roster.round);
  writer.i64(roster.threshold);
  writer.u64(roster.participants.size());
  for (const auto& [client, mask_key, share_key] : roster.participants) {
    writer.i64(client);
    write(writer, mask_key);
    write(writer, share_key);
  }
  write(writer, instruction.members);
  write(writer, instruction.survivors);
  write(writer, instruction.sealed);
  writer.text(instruction.training);
  return writer.take();
}

SecureInstruction decode_instruction(std::string_view bytes) {
  return decode(bytes, "secure aggregation: instruction", [](ByteReader& reader) {
    SecureInstruction instruction;
    SecureRoster& roster = instruction.roster;
    roster.session = reader.u64();
    roster.round = reader.i64();
    roster.threshold = reader.i64();
    roster.participants = read_list(reader, [&] {
      Participant participant;
      participant.client = reader.i64();
      participant.mask_key = read_key(reader);
      participant.share_key = read_key(reader);
      return participant;
    });
    instruction.members = read_numbers(reader);
    instruction.survivors = read_numbers(reader);
    instruction.sealed = read_texts(reader);
    instruction.training = reader.text();
    return instruction;
  });
}

std::string encode_sealed(const std::vector<std::string>& sealed) {
  ByteWriter writer;
  write(writer, sealed);
  return writer.take();
}

std::vector<std::string> decode_sealed(std::string_view bytes) {
  return decode(bytes, "secure aggregation: sealed shares", read_texts);
}

std::string encode_shares(const std::vector<Share>& shares) {
  ByteWriter writer;
  writer.u64(shares.size());
  for (const Share& share : shares) {
    writer.u64(share.point);
    for (const uint64_t value : share.values) writer.u64(value);
  }
  return writer.take();
}

std::vector<Share> decode_shares(std::string_view bytes) {
  return decode(bytes, "secure aggregation: shares", [](ByteReader& reader) {
    return read_list(reader, [&] {
      Share share;
      share.point = reader.u64();
      for (uint64_t& value : share.values) value = reader.u64();
      return share;
    });
  });
}

}  // namespace archleak::defenses
