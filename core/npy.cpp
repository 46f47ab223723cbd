#include "core/npy.h"

#include <spdlog/fmt/fmt.h>

#include <bit>
#include <fstream>

#include "core/error.h"

namespace archleak {
namespace {

static_assert(std::endian::native == std::endian::little, "values are written as they are in memory");

constexpr size_t kAlignment = 64;  // of the values in the file

template <typename T>
void write(const std::filesystem::path& file, const char* type, std::span<const T> values,
           const std::vector<int64_t>& shape) {
  std::string sizes;
  uint64_t count = 1;
  for (const int64_t size : shape) {
    sizes += fmt::format("{}, ", size);
    count *= static_cast<uint64_t>(size);
  }
  if (count != values.size()) {
    throw DataError(
        fmt::format("{}: expected {} values, as the shape says, got {}", file.string(), count, values.size()));
  }
  std::string text = fmt::format("{{'descr': '{}', 'fortran_order': False, 'shape': ({}), }}", type, sizes);
  constexpr size_t kPrefix = 10;  // magic, version, length
  text.append(kAlignment - 1 - (kPrefix + text.size()) % kAlignment, ' ');
  text += '\n';
  std::string head("\x93NUMPY\x01\x00", 8);
  head += static_cast<char>(text.size() & 0xff);
  head += static_cast<char>(text.size() >> 8);
  head += text;
  std::ofstream stream(file, std::ios::binary | std::ios::trunc);
  stream.write(head.data(), static_cast<std::streamsize>(head.size()));
  stream.write(reinterpret_cast<const char*>(values.data()), static_cast<std::streamsize>(values.size_bytes()));
  stream.close();
  if (!stream) throw Error(file.string() + ": cannot write");
}

}  // namespace

void write_npy(const std::filesystem::path& file, std::span<const float> values, const std::vector<int64_t>& shape) {
  write(file, "<f4", values, shape);
}

void write_npy(const std::filesystem::path& file, std::span<const int64_t> values, const std::vector<int64_t>& shape) {
  write(file, "<i8", values, shape);
}

}  // namespace archleak
