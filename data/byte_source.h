#pragma once
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace archleak::data {

/// A file read front to back, gzip or plain, that says where it broke.
///
/// All errors are DataError with path and byte offset (of the unpacked content).
class ByteSource {
 public:
  /// Opens `file`. Throws if it is missing or no regular file.
  explicit ByteSource(std::filesystem::path file);
  ~ByteSource();
  ByteSource(ByteSource&&) noexcept;

  /// Reads exactly `size` bytes. Memory grows with what really comes; before that, `size` is checked against what a
  /// file of this length can hold (gzip packs at most 1032 to 1). `what` names them in messages ("image pixels").
  std::vector<uint8_t> read(uint64_t size, const std::string& what);

  /// A big-endian 32-bit number.
  uint32_t read_u32(const std::string& what);

  /// Throws unless all has been read (which also checks gzip's checksum).
  void expect_end();

  uint64_t offset() const { return offset_; }
  const std::filesystem::path& file() const { return file_; }

  /// Throws "FILE: at byte OFFSET: MESSAGE".
  [[noreturn]] void fail(uint64_t offset, const std::string& message) const;

 private:
  struct Handle;
  size_t read_some(std::span<uint8_t> bytes);

  std::filesystem::path file_;
  std::unique_ptr<Handle> handle_;
  uint64_t offset_ = 0;
  uint64_t most_ = 0;  // bytes that the content can have
};

}  // namespace archleak::data
