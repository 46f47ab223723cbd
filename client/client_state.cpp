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

void append(std::string& bytes, const std::vector<float>& values) {
  append(bytes, values.data(), values.size() * sizeof(float));
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

std::vector<float> take_floats(const std::string& bytes, size_t& position) {
  const std::string part = take(bytes, position);
  if (part.size() % sizeof(float) != 0) {
    throw DataError(fmt::format("client state: expected whole floats, got {} bytes", part.size()));
  }
  std::vector<float> values(part.size() / sizeof(float));
  if (!values.empty()) std::memcpy(values.data(), part.data(), part.size());
  return values;
}

}  // namespace

std::string ClientState::encode() const {
  if (weight_optimizer.empty() && alpha_optimizer.empty() && buffers.empty() && residual.empty() && adversary.empty()) {
    return {};
  }
  std::string bytes;
  append(bytes, weight_optimizer.data(), weight_optimizer.size());
  append(bytes, alpha_optimizer.data(), alpha_optimizer.size());
  append(bytes, buffers);
  append(bytes, residual);
  append(bytes, adversary.data(), adversary.size());
  return bytes;
}

ClientState ClientState::decode(const std::string& bytes) {
  ClientState state;
  if (bytes.empty()) return state;
  size_t position = 0;
  state.weight_optimizer = take(bytes, position);
  state.alpha_optimizer = take(bytes, position);
  state.buffers = take_floats(bytes, position);
  state.residual = take_floats(bytes, position);
  state.adversary = take(bytes, position);
  if (position != bytes.size()) {
    throw DataError(fmt::format("client state: expected {} bytes, got {}", position, bytes.size()));
  }
  return state;
}

}  // namespace archleak::client
