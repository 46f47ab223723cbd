#include "wire/payload.h"

#include <bit>
#include <cstring>
#include <utility>
#include <zmq.hpp>

#include "core/error.h"

namespace archleak::wire {
namespace {

static_assert(std::endian::native == std::endian::little, "payloads are raw little-endian numbers");

constexpr size_t kAlignment = 8;
constexpr size_t kCopyBelow = 512;  // sharing costs more than copying this much

template <typename T>
std::span<const T> as_numbers(const std::byte* data, size_t size, const char* type) {
  if (size % sizeof(T) != 0) {
    throw ProtocolError("payload: expected " + std::string(type) + " values, " + std::to_string(sizeof(T)) +
                        " bytes each, got " + std::to_string(size) + " bytes");
  }
  return {reinterpret_cast<const T*>(data), size / sizeof(T)};
}

void release(void*, void* payload) {
  const std::unique_ptr<Payload> released(static_cast<Payload*>(payload));
}

}  // namespace

Payload::Payload(std::shared_ptr<const void> owner, const void* data, size_t size)
    : owner_(std::move(owner)), data_(static_cast<const std::byte*>(data)), size_(size) {}

Payload Payload::own(std::vector<float>&& values) {
  return share(std::make_shared<const std::vector<float>>(std::move(values)));
}

Payload Payload::own(std::vector<int64_t>&& values) {
  return share(std::make_shared<const std::vector<int64_t>>(std::move(values)));
}

Payload Payload::own(std::string&& text) {
  auto owner = std::make_shared<const std::string>(std::move(text));
  const std::string& bytes = *owner;
  return share(std::move(owner), bytes.data(), bytes.size());
}

Payload Payload::share(std::shared_ptr<const std::vector<float>> values) {
  const auto& numbers = *values;
  return share(std::move(values), numbers.data(), numbers.size() * sizeof(float));
}

Payload Payload::share(std::shared_ptr<const std::vector<int64_t>> values) {
  const auto& numbers = *values;
  return share(std::move(values), numbers.data(), numbers.size() * sizeof(int64_t));
}

Payload Payload::share(std::shared_ptr<const void> owner, const void* data, size_t size) {
  if (size == 0) return {};
  if (reinterpret_cast<uintptr_t>(data) % kAlignment == 0) return Payload(std::move(owner), data, size);
  const auto aligned = std::make_shared<std::vector<uint64_t>>((size + kAlignment - 1) / kAlignment);
  std::memcpy(aligned->data(), data, size);
  return Payload(aligned, aligned->data(), size);
}

Payload Payload::receive(zmq::message_t&& frame) {
  const auto owner = std::make_shared<zmq::message_t>(std::move(frame));
  const void* data = owner->data();
  return share(owner, data, owner->size());
}

zmq::message_t Payload::frame() const {
  if (size_ < kCopyBelow) return zmq::message_t(data_, size_);
  auto shared = std::make_unique<Payload>(*this);
  zmq::message_t message(const_cast<std::byte*>(data_), size_, release, shared.get());
  shared.release();  // ZeroMQ calls `release` when the last copy of the frame is gone
  return message;
}

std::span<const float> Payload::floats() const {
  return as_numbers<float>(data_, size_, "float32");
}

std::span<const int64_t> Payload::integers() const {
  return as_numbers<int64_t>(data_, size_, "int64");
}

bool Payload::operator==(const Payload& other) const {
  return size_ == other.size_ && (size_ == 0 || std::memcmp(data_, other.data_, size_) == 0);
}

}  // namespace archleak::wire
