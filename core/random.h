#pragma once
#include <cstdint>
#include <random>
#include <string_view>
#include <vector>

namespace archleak {

/// Names one stream of random numbers. Every random draw in ArchLeak comes from a generator derived from such a key, so
/// that the same seed gives the same bits whatever the number of workers, threads or machines.
struct StreamKey {
  uint64_t seed = 0;
  int64_t round = 0;
  int64_t client = -1;       ///< -1: not of one client
  std::string_view purpose;  ///< for instance "batch order"; a different purpose is an independent stream
  int64_t index = 0;         ///< further number where one purpose needs several streams (epoch, cell, trial)
};

/// A 64-bit seed from SHA-256 over the key: equal keys give equal seeds on every machine.
uint64_t derive_seed(const StreamKey& key);

/// The generator for use outside tensors.
using RandomEngine = std::mt19937_64;
RandomEngine make_engine(const StreamKey& key);

/// A permutation of 0..n-1, uniform (Fisher-Yates).
std::vector<int64_t> random_permutation(int64_t n, RandomEngine& engine);

/// Uniform in [0, 1), 53 bits.
double uniform(RandomEngine& engine);

/// Uniform in 0..n-1, n > 0, without modulo bias.
int64_t uniform_index(int64_t n, RandomEngine& engine);

}  // namespace archleak
