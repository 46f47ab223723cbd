#pragma once
#include <cstdint>
#include <string>
#include <string_view>

namespace archleak {

/// Writes fixed-width little-endian values and length-prefixed texts, for state that is kept in files.
class ByteWriter {
 public:
  void u32(uint32_t value);
  void u64(uint64_t value);
  void i64(int64_t value) { u64(static_cast<uint64_t>(value)); }
  void text(std::string_view bytes);  ///< u64 length, then the bytes
  void raw(std::string_view bytes);   ///< the bytes alone

  std::string take() { return std::move(bytes_); }
  const std::string& bytes() const { return bytes_; }

 private:
  std::string bytes_;
};

/// Reads what ByteWriter wrote. A length is checked against what is left before memory is taken. Throws CheckpointError
/// with `where` and the byte offset when the bytes end early.
class ByteReader {
 public:
  /// `bytes` must outlive the reader; `where` names their origin in messages.
  ByteReader(std::string_view bytes, std::string where);

  uint32_t u32();
  uint64_t u64();
  int64_t i64() { return static_cast<int64_t>(u64()); }
  std::string_view text();              ///< a view into the bytes
  std::string_view raw(uint64_t size);  ///< a view into the bytes

  size_t left() const { return bytes_.size() - offset_; }
  void expect_end() const;  ///< throws when bytes are left over

  /// Throws CheckpointError "where: byte offset: expected ..., got ...".
  [[noreturn]] void fail(const std::string& expected, const std::string& got) const;

 private:
  std::string_view bytes_;
  std::string where_;
  size_t offset_ = 0;
};

}  // namespace archleak
