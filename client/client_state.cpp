#include "client/client_state.h"

#include <spdlog/fmt/fmt.h>

#include <cstdint>
#include <cstring>

#include "core/error.h"

namespace archleak::client {
namespace {

void append(std::string& bytes, const void* data, uint64_t size) {
  bytes.append(reinterpret_cast<const char*>(&size), sizeof size);
  bytes.append(static_cast<const char*>(data), size);
}

std::string take(const std::string& bytes, size_t& position) {
  uint64_t size = 0;
  if (bytes.size() - position < sizeof size) throw DataError("client state: expected a length, got its end");
  std::memcpy(&size, bytes.data() + position, sizeof size);
  position += sizeof size;
  if (size > bytes.size() - position) {
    throw DataError(fmt::format("client state: expected {} more bytes, got {}", size, bytes.size() - position));
  }
  position += size;
  return bytes.substr(position - size, size);
}

}  // namespace

std::string ClientState::encode() const {
  if (weight_optimizer.empty() && alpha_optimizer.empty() && buffers.empty()) return {};
  std::string bytes;
  append(bytes, weight_optimizer.data(), weight_optimizer.size());
  append(bytes, alpha_optimizer.data(), alpha_optimizer.size());
  append(bytes, buffers.data(), buffers.size() * sizeof(float));
  return bytes;
}

ClientState ClientState::decode(const std::string& bytes) {
  ClientState state;
  if (bytes.empty()) return state;
  size_t position = 0;
  state.weight_optimizer = take(bytes, position);
  state.alpha_optimizer = take(bytes, position);
  const std::string buffers = take(bytes, position);
  if (position != bytes.size() || buffers.size() % sizeof(float) != 0) {
    throw DataError(fmt::format("client state: expected {} bytes, got {}", position, bytes.size()));
  }
  state.buffers.resize(buffers.size() / sizeof(float));
  std::memcpy(state.buffers.data(), buffers.data(), buffers.size());
  return state;
}

}  // namespace archleak::client
