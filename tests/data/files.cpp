#include "tests/data/files.h"

#include <zlib.h>

#include <fstream>
#include <stdexcept>

#include "core/random.h"

namespace archleak::test {

void write(const std::filesystem::path& file, const std::string& content) {
  if (file.has_parent_path()) std::filesystem::create_directories(file.parent_path());
  std::ofstream stream(file, std::ios::binary);
  stream << content;
  if (!stream) throw std::runtime_error("cannot write " + file.string());
}

std::string gzip(const std::string& content) {
  z_stream stream{};
  if (deflateInit2(&stream, 9, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK) throw std::runtime_error("zlib");
  std::string packed(deflateBound(&stream, content.size()) + 32, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(content.data()));
  stream.avail_in = static_cast<uInt>(content.size());
  stream.next_out = reinterpret_cast<Bytef*>(packed.data());
  stream.avail_out = static_cast<uInt>(packed.size());
  const int code = deflate(&stream, Z_FINISH);
  packed.resize(stream.total_out);
  deflateEnd(&stream);
  if (code != Z_STREAM_END) throw std::runtime_error("zlib");
  return packed;
}

std::string big_endian(uint32_t value) {
  std::string bytes;
  for (int shift = 24; shift >= 0; shift -= 8) bytes += static_cast<char>(value >> shift);
  return bytes;
}

std::string noise(size_t size, uint64_t seed) {
  RandomEngine engine = make_engine({.seed = seed, .purpose = "test noise"});
  std::string bytes(size, '\0');
  for (char& byte : bytes) byte = static_cast<char>(engine());
  return bytes;
}

int count_refused(const std::filesystem::path& file, const std::string& content, const std::function<void()>& read) {
  int refused = 0;
  const auto attempt = [&](const std::string& damaged) {
    write(file, damaged);
    try {
      read();
    } catch (const DataError&) {
      ++refused;
    }
  };
  for (size_t i = 0; i < 40; ++i) attempt(content.substr(0, content.size() * i / 40));
  RandomEngine engine = make_engine({.purpose = "test damage"});
  for (int i = 0; i < 60; ++i) {
    std::string damaged = content;
    const auto reach = i % 2 == 0 ? std::min<size_t>(content.size(), 32) : content.size();  // headers matter most
    for (int change = 0; change < 3; ++change) {
      damaged[static_cast<size_t>(uniform_index(static_cast<int64_t>(reach), engine))] = static_cast<char>(engine());
    }
    attempt(damaged);
  }
  for (uint64_t i = 0; i < 20; ++i) attempt(noise(content.size(), i));
  return refused;
}

}  // namespace archleak::test
