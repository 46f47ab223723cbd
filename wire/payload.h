#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace zmq {
class message_t;
}

namespace archleak::wire {

/// Read-only bytes with shared ownership: the arena's floats, a partial sum's integers, or any other ZeroMQ frame.
///
/// Copying shares the memory; sending does not copy it either, so what was given away must not be written to again.
/// The bytes are little-endian and start at an address that is a multiple of 8. Safe to read from several threads.
class Payload {
 public:
  /// No bytes.
  Payload() = default;

  /// Takes over the vector or text.
  static Payload own(std::vector<float>&& values);
  static Payload own(std::vector<int64_t>&& values);
  static Payload own(std::string&& text);

  /// Shares a vector; `values` must not be null.
  static Payload share(std::shared_ptr<const std::vector<float>> values);
  static Payload share(std::shared_ptr<const std::vector<int64_t>> values);

  /// Shares `size` bytes at `data`, which live as long as `owner`; copies them only if `data` is not 8-byte aligned.
  static Payload share(std::shared_ptr<const void> owner, const void* data, size_t size);

  /// Takes over a received frame; copies it only if ZeroMQ put it at an unaligned address (frames below 8 KiB).
  static Payload receive(zmq::message_t&& frame);

  /// A frame for sending that shares these bytes; small ones are copied.
  zmq::message_t frame() const;

  /// The bytes as float32. Throws ProtocolError if their number is not a multiple of 4.
  std::span<const float> floats() const;

  /// The bytes as int64. Throws ProtocolError if their number is not a multiple of 8.
  std::span<const int64_t> integers() const;

  const std::byte* data() const { return data_; }
  size_t bytes() const { return size_; }
  bool empty() const { return size_ == 0; }

  /// Whether the bytes are equal.
  bool operator==(const Payload& other) const;

 private:
  Payload(std::shared_ptr<const void> owner, const void* data, size_t size);

  std::shared_ptr<const void> owner_;
  const std::byte* data_ = nullptr;
  size_t size_ = 0;
};

}  // namespace archleak::wire
