#include "core/pack.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>

#include "core/error.h"

namespace archleak {
namespace {

/// Calls `copy(offset in the arena, offset in the message, count)` for every segment that the message holds.
template <typename Copy>
void for_each_segment(const ArenaLayout& layout, const UpdateLayout& message, Copy&& copy) {
  int64_t offset = 0;
  const auto visit = [&](Segment segment, int64_t count) {
    if (count == 0) return;
    if (count != layout.size(segment)) {
      throw ProtocolError(
          fmt::format("model message: expected a segment of {} floats, got {}", layout.size(segment), count));
    }
    copy(layout.begin(segment), offset, count);
    offset += count;
  };
  visit(Segment::weights, message.weights);
  visit(Segment::alpha, message.alpha);
  visit(Segment::buffers, message.buffers);
}

void expect_sizes(const ArenaLayout& layout, const UpdateLayout& message, size_t arena, size_t values) {
  if (arena == static_cast<size_t>(layout.size()) && values == static_cast<size_t>(message.size())) return;
  throw ProtocolError(fmt::format("model message: expected {} of {} floats, got {} of {}", message.size(),
                                  layout.size(), values, arena));
}

}  // namespace

void pack(const ArenaLayout& layout, const UpdateLayout& message, std::span<const float> arena, std::span<float> out) {
  expect_sizes(layout, message, arena.size(), out.size());
  for_each_segment(layout, message, [&](int64_t from, int64_t to, int64_t count) {
    std::copy_n(arena.begin() + from, count, out.begin() + to);
  });
}

void unpack(const ArenaLayout& layout, const UpdateLayout& message, std::span<const float> values,
            std::span<float> arena) {
  expect_sizes(layout, message, arena.size(), values.size());
  for_each_segment(layout, message, [&](int64_t to, int64_t from, int64_t count) {
    std::copy_n(values.begin() + from, count, arena.begin() + to);
  });
}

}  // namespace archleak
