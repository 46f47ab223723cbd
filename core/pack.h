#pragma once
#include <span>

#include "core/arena.h"
#include "core/protocol.h"

namespace archleak {

/// Copies the segments of an arena `[weights | alpha | buffers]` that `message` holds into `out`, `[message.size()]`.
/// Throws ProtocolError for other sizes.
void pack(const ArenaLayout& layout, const UpdateLayout& message, std::span<const float> arena, std::span<float> out);

/// The inverse: segments that the message lacks keep their values.
void unpack(const ArenaLayout& layout, const UpdateLayout& message, std::span<const float> values,
            std::span<float> arena);

}  // namespace archleak
