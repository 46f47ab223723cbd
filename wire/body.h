#pragma once
#include <cereal/archives/portable_binary.hpp>
#include <cereal/cereal.hpp>
#include <cereal/types/string.hpp>
#include <cereal/types/vector.hpp>
#include <cstdint>
#include <istream>
#include <span>
#include <streambuf>
#include <string>

#include "core/error.h"

namespace archleak::wire {

/// A stream over bytes that belong to somebody else.
class SpanBuffer : public std::streambuf {
 public:
  explicit SpanBuffer(std::span<const std::byte> bytes) {
    char* first = const_cast<char*>(reinterpret_cast<const char*>(bytes.data()));
    setg(first, first, first + bytes.size());
  }
  size_t remaining() const { return static_cast<size_t>(egptr() - gptr()); }
};

/// Reads what cereal::PortableBinaryOutputArchive wrote, but believes no length: a text may not be longer than the
/// bytes that are left, and a list may not have more elements than bytes are left, nor more than `max_items`. So memory
/// is taken only in proportion to what really came. Throws ProtocolError for a bad length and cereal::Exception for a
/// body that ends too early.
class BodyReader : public cereal::InputArchive<BodyReader, cereal::AllowEmptyClassElision> {
 public:
  BodyReader(std::span<const std::byte> body, uint32_t max_items)
      : InputArchive(this), buffer_(body), stream_(&buffer_), reader_(stream_), max_items_(max_items) {}

  size_t remaining() const { return buffer_.remaining(); }

  template <typename T>
  void read(T& value) {
    reader_(value);
  }

  uint64_t read_length(const char* what, uint64_t most) {
    cereal::size_type length = 0;
    reader_(cereal::make_size_tag(length));
    most = std::min<uint64_t>(most, remaining());
    if (length > most) {
      throw ProtocolError("body: expected a " + std::string(what) + " of length at most " + std::to_string(most) +
                          ", got " + std::to_string(length));
    }
    return length;
  }

  uint32_t max_items() const { return max_items_; }

 private:
  SpanBuffer buffer_;
  std::istream stream_;
  cereal::PortableBinaryInputArchive reader_;
  uint32_t max_items_;
};

template <typename T>
std::enable_if_t<std::is_arithmetic_v<T>> CEREAL_LOAD_FUNCTION_NAME(BodyReader& archive, T& value) {
  archive.read(value);
}

template <typename T>
void CEREAL_LOAD_FUNCTION_NAME(BodyReader& archive, cereal::BinaryData<T>& data) {
  archive.read(data);
}

template <typename T>
void CEREAL_LOAD_FUNCTION_NAME(BodyReader& archive, cereal::SizeTag<T>& tag) {
  tag.size = archive.read_length("list", archive.max_items());
}

inline void CEREAL_LOAD_FUNCTION_NAME(BodyReader& archive, std::string& text) {
  text.resize(archive.read_length("text", archive.remaining()));
  auto characters = cereal::binary_data(text.data(), text.size());
  archive.read(characters);
}

}  // namespace archleak::wire

/// What cereal's CEREAL_SETUP_ARCHIVE_TRAITS declares, in the one direction: this reads what that wrote.
template <>
struct cereal::traits::detail::get_output_from_input<archleak::wire::BodyReader> {
  using type = cereal::PortableBinaryOutputArchive;
};
