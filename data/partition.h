#pragma once
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "core/config.h"

namespace archleak::data {

/// How examples are dealt to clients.
struct PartitionOptions {
  enum class Scheme {
    iid,        ///< shuffled, sizes equal up to one
    dirichlet,  ///< each class is shared out in proportions from Dirichlet(alpha) (Hsu et al. 2019)
    shards,     ///< sorted by label, cut into shards, some shards a client (McMahan et al. 2017)
    quantity,   ///< shuffled, the k-th largest client gets a share proportional to k^-skew
    file,       ///< read from an index file
  };
  Scheme scheme = Scheme::iid;
  double alpha = 0.5;        ///< Dirichlet concentration; smaller is more skewed
  int64_t min_examples = 2;  ///< dirichlet and quantity: every client gets at least so many
  int64_t shards_per_client = 2;
  double skew = 1;        ///< exponent of the quantity scheme; 0 is iid
  std::string file = {};  ///< index file of the file scheme
};
void describe(ConfigSection section, PartitionOptions& options);

/// Indices into a dataset by client; every index occurs at most once. Within a client they ascend.
using Partition = std::vector<std::vector<int64_t>>;

/// Deals the examples with these labels to `clients` clients; all but the file scheme deal every example.
/// Deterministic in (labels, clients, options, seed). Where a client falls short of min_examples, examples are moved
/// from the largest clients. Throws DataError when there are too few examples for that, or no client would get any.
Partition make_partition(std::span<const int32_t> labels, int64_t classes, int64_t clients,
                         const PartitionOptions& options, uint64_t seed);

/// How many examples of each class every client has: [clients][classes].
std::vector<std::vector<int64_t>> class_histogram(const Partition& partition, std::span<const int32_t> labels,
                                                  int64_t classes);

/// Writes {"version": 1, "examples": n, "clients": [[...], ...]}, atomically.
void write_partition(const std::filesystem::path& file, const Partition& partition, int64_t examples);

/// Reads what write_partition wrote. Throws DataError, naming client and position, unless the version is 1, the
/// document is for `examples` examples and `clients` clients, and every index is in range and unique.
Partition read_partition(const std::filesystem::path& file, int64_t examples, int64_t clients);

}  // namespace archleak::data
