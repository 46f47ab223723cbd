#pragma once
#include <ATen/Parallel.h>

#include <algorithm>
#include <cstdint>
#include <vector>

namespace archleak {

/// Images are dealt to a fixed number of chunks with sums of their own, so that no sum depends on the thread count.
inline constexpr int64_t kChunks = 16;

/// Calls `work(chunk, first image, end)` for every chunk, on intra-op threads where the caller's source is compiled
/// with OpenMP.
template <typename F>
void for_chunks(int64_t images, const F& work) {
  const int64_t chunks = std::min(kChunks, images);
  at::parallel_for(0, chunks, 1, [&](int64_t begin, int64_t end) {
    for (int64_t chunk = begin; chunk < end; ++chunk) {
      work(chunk, chunk * images / chunks, (chunk + 1) * images / chunks);
    }
  });
}

/// Accumulators `[size]` for every chunk.
template <typename A>
class Partials {
 public:
  Partials(int64_t images, int64_t size) : chunks_(std::min(kChunks, images)), size_(size), values_(chunks_ * size) {}
  A* of(int64_t chunk) { return values_.data() + chunk * size_; }
  /// The sum over chunks, in their order.
  std::vector<A> total() const {
    std::vector<A> sum(values_.begin(), values_.begin() + size_);
    for (int64_t chunk = 1; chunk < chunks_; ++chunk) {
      for (int64_t i = 0; i < size_; ++i) sum[i] += values_[chunk * size_ + i];
    }
    return sum;
  }

 private:
  int64_t chunks_, size_;
  std::vector<A> values_;
};

}  // namespace archleak
