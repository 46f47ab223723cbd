#include "core/bytes.h"

#include <spdlog/fmt/fmt.h>

#include "core/error.h"

namespace archleak {
namespace {

template <typename T>
void append(std::string& bytes, T value) {
  for (size_t i = 0; i < sizeof(T); ++i) bytes.push_back(static_cast<char>(value >> (8 * i)));
}

template <typename T>
T parse(std::string_view bytes) {
  T value = 0;
  for (size_t i = 0; i < sizeof(T); ++i) value |= static_cast<T>(static_cast<uint8_t>(bytes[i])) << (8 * i);
  return value;
}

}  // namespace

void ByteWriter::u32(uint32_t value) {
  append(bytes_, value);
}

void ByteWriter::u64(uint64_t value) {
  append(bytes_, value);
}

void ByteWriter::text(std::string_view bytes) {
  u64(bytes.size());
  raw(bytes);
}

void ByteWriter::raw(std::string_view bytes) {
  bytes_.append(bytes);
}

ByteReader::ByteReader(std::string_view bytes, std::string where) : bytes_(bytes), where_(std::move(where)) {}

uint32_t ByteReader::u32() {
  return parse<uint32_t>(raw(4));
}

uint64_t ByteReader::u64() {
  return parse<uint64_t>(raw(8));
}

std::string_view ByteReader::text() {
  return raw(u64());
}

std::string_view ByteReader::raw(uint64_t size) {
  if (size > left()) fail(fmt::format("{} more bytes", size), std::to_string(left()));
  const auto view = bytes_.substr(offset_, size);
  offset_ += size;
  return view;
}

void ByteReader::expect_end() const {
  if (left() > 0) fail("the end", fmt::format("{} more bytes", left()));
}

void ByteReader::fail(const std::string& expected, const std::string& got) const {
  throw CheckpointError(fmt::format("{}: byte {}: expected {}, got {}", where_, offset_, expected, got));
}

}  // namespace archleak
