#include "core/npy.h"

#include <spdlog/fmt/fmt.h>

#include <bit>
#include <charconv>
#include <cstring>
#include <fstream>
#include <optional>

#include "core/error.h"

namespace archleak {
namespace {

static_assert(std::endian::native == std::endian::little, "values are written as they are in memory");

constexpr size_t kAlignment = 64;  // of the values in the file

constexpr size_t kPrefix = 10;  // magic, version, length
constexpr std::string_view kMagic("\x93NUMPY\x01\x00", 8);
constexpr std::string_view kFloatHead = "{'descr': '<f4', 'fortran_order': False, 'shape': (";

template <typename T>
std::string encode(const std::string& where, const char* type, std::span<const T> values,
                   const std::vector<int64_t>& shape) {
  std::string sizes;
  uint64_t count = 1;
  for (const int64_t size : shape) {
    sizes += fmt::format("{}, ", size);
    count *= static_cast<uint64_t>(size);
  }
  if (count != values.size()) {
    throw DataError(fmt::format("{}: expected {} values, as the shape says, got {}", where, count, values.size()));
  }
  std::string text = fmt::format("{{'descr': '{}', 'fortran_order': False, 'shape': ({}), }}", type, sizes);
  text.append(kAlignment - 1 - (kPrefix + text.size()) % kAlignment, ' ');
  text += '\n';
  std::string bytes(kMagic);
  bytes += static_cast<char>(text.size() & 0xff);
  bytes += static_cast<char>(text.size() >> 8);
  bytes += text;
  return bytes.append(reinterpret_cast<const char*>(values.data()), values.size_bytes());
}

template <typename T>
void write(const std::filesystem::path& file, const char* type, std::span<const T> values,
           const std::vector<int64_t>& shape) {
  const std::string bytes = encode(file.string(), type, values, shape);
  std::ofstream stream(file, std::ios::binary | std::ios::trunc);
  stream.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  stream.close();
  if (!stream) throw Error(file.string() + ": cannot write");
}

/// "2, 3, " as sizes; nothing for what is no list of at most eight sizes.
std::optional<std::vector<int64_t>> parse_shape(std::string_view text) {
  std::vector<int64_t> shape;
  while (!text.empty()) {
    int64_t size = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), size);
    if (error != std::errc() || size < 0 || shape.size() == 8) return std::nullopt;
    shape.push_back(size);
    text.remove_prefix(static_cast<size_t>(end - text.data()));
    if (!text.starts_with(", ")) return std::nullopt;
    text.remove_prefix(2);
  }
  return shape;
}

}  // namespace

void write_npy(const std::filesystem::path& file, std::span<const float> values, const std::vector<int64_t>& shape) {
  write(file, "<f4", values, shape);
}

void write_npy(const std::filesystem::path& file, std::span<const int64_t> values, const std::vector<int64_t>& shape) {
  write(file, "<i8", values, shape);
}

std::string encode_npy(std::span<const float> values, const std::vector<int64_t>& shape) {
  return encode("array", "<f4", values, shape);
}

FloatArray decode_npy(std::string_view bytes, const std::string& where) {
  const auto refuse = [&](const std::string& got) {
    throw DataError(fmt::format("{}: expected a NumPy array of float32, got {}", where, got));
  };
  if (bytes.size() < kPrefix || !bytes.starts_with(kMagic)) refuse("other bytes");
  const size_t length = static_cast<uint8_t>(bytes[8]) | static_cast<size_t>(static_cast<uint8_t>(bytes[9])) << 8;
  if (length > bytes.size() - kPrefix) refuse("a part of one");
  const std::string_view text = bytes.substr(kPrefix, length);
  const std::string_view content = bytes.substr(kPrefix + length);
  const size_t end = text.find(')');
  if (!text.starts_with(kFloatHead) || end == std::string_view::npos) refuse("another type");
  const auto shape = parse_shape(text.substr(kFloatHead.size(), end - kFloatHead.size()));
  if (!shape) refuse("a shape that cannot be read");
  const uint64_t most = content.size() / sizeof(float);
  uint64_t count = 1;
  for (const int64_t size : *shape) {
    if (count > 0 && static_cast<uint64_t>(size) > most / count) refuse("fewer values than its shape says");
    count *= static_cast<uint64_t>(size);
  }
  if (count * sizeof(float) != content.size()) {
    refuse(fmt::format("{} bytes where its shape says {}", content.size(), count * sizeof(float)));
  }
  FloatArray array{std::vector<float>(count), *shape};
  if (count > 0) std::memcpy(array.values.data(), content.data(), content.size());
  return array;
}

}  // namespace archleak
