#include "core/random.h"

#include <cstring>
#include <numeric>

#include "core/hash.h"

namespace archleak {

uint64_t derive_seed(const StreamKey& key) {
  std::vector<uint8_t> bytes;
  const auto append = [&bytes](uint64_t value) {
    for (int shift = 0; shift < 64; shift += 8) bytes.push_back(static_cast<uint8_t>(value >> shift));
  };
  append(key.seed);
  append(static_cast<uint64_t>(key.round));
  append(static_cast<uint64_t>(key.client));
  append(static_cast<uint64_t>(key.index));
  bytes.insert(bytes.end(), key.purpose.begin(), key.purpose.end());
  const auto digest = sha256(bytes.data(), bytes.size());
  uint64_t seed = 0;
  for (int i = 0; i < 8; ++i) seed |= static_cast<uint64_t>(digest[i]) << (8 * i);
  return seed;
}

RandomEngine make_engine(const StreamKey& key) {
  return RandomEngine(derive_seed(key));
}

std::vector<int64_t> random_permutation(int64_t n, RandomEngine& engine) {
  std::vector<int64_t> order(n);
  std::iota(order.begin(), order.end(), 0);
  for (int64_t i = n - 1; i > 0; --i) std::swap(order[i], order[uniform_index(i + 1, engine)]);
  return order;
}

double uniform(RandomEngine& engine) {
  return static_cast<double>(engine() >> 11) * 0x1.0p-53;
}

int64_t uniform_index(int64_t n, RandomEngine& engine) {
  const auto count = static_cast<uint64_t>(n);
  const uint64_t limit = RandomEngine::max() - RandomEngine::max() % count;
  uint64_t draw = engine();
  while (draw >= limit) draw = engine();
  return static_cast<int64_t>(draw % count);
}

}  // namespace archleak
