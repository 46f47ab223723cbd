#include "tests/fuzz/split_frames.h"

#include <algorithm>

namespace archleak::wire::test {
namespace {

constexpr size_t kMaxFrames = 5;
constexpr size_t kLengthBytes = 2;

}  // namespace

std::vector<Frame> split_frames(std::span<const uint8_t> input) {
  std::vector<Frame> frames;
  while (input.size() >= kLengthBytes && frames.size() < kMaxFrames) {
    const size_t claimed = input[0] | size_t{input[1]} << 8;
    input = input.subspan(kLengthBytes);
    const size_t length = std::min(claimed, input.size());
    frames.push_back(Payload::own(std::string(input.begin(), input.begin() + static_cast<std::ptrdiff_t>(length))));
    input = input.subspan(length);
  }
  return frames;
}

std::string join_frames(const std::vector<Frame>& frames) {
  std::string input;
  for (const auto& frame : frames) {
    input += static_cast<char>(frame.bytes());
    input += static_cast<char>(frame.bytes() >> 8);
    input.append(reinterpret_cast<const char*>(frame.data()), frame.bytes());
  }
  return input;
}

}  // namespace archleak::wire::test
