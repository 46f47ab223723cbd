#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "wire/codec.h"

namespace archleak::wire::test {

/// A fuzz input as frames: each frame is its length (u16, little-endian) and its bytes; what is cut short ends with the
/// input. At most five frames.
std::vector<Frame> split_frames(std::span<const uint8_t> input);

/// The input that `split_frames` turns into `frames`, none of which may have more than 65,535 bytes.
std::string join_frames(const std::vector<Frame>& frames);

}  // namespace archleak::wire::test
