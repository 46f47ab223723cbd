#pragma once
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace archleak::server {

/// Everything that a bitwise-identical continuation of a run needs. Random state is not among it: every draw is keyed
/// by (seed, round, client, purpose).
struct Checkpoint {
  uint64_t seed = 0;
  int64_t round = 0;                                 ///< rounds finished
  std::string layout = {};                           ///< the arena's fingerprint
  std::string config_hash = {};                      ///< of the resolved configuration
  std::map<std::string, std::string> sections = {};  ///< "arena", "optimizers", "accountant", "metrics", ...
  std::map<int64_t, std::string> clients = {};       ///< state that clients keep between rounds

  bool operator==(const Checkpoint&) const = default;
};

/// The file's bytes: magic "ALCKPT", version, length, content in fixed-width little-endian, SHA-256 over all before it.
std::string encode(const Checkpoint& checkpoint);

/// Reads them back. Throws CheckpointError saying what was expected and got for another magic or version, truncation,
/// trailing bytes, a wrong checksum. Lengths are bounded by the bytes at hand before memory is taken; `where` names
/// the origin in messages.
Checkpoint decode(std::string_view bytes, const std::string& where);

/// A folder with the last few checkpoints of one run, "round-000012.ckpt".
class CheckpointFolder {
 public:
  /// Makes the folder. `keep` (at least 1) is how many files stay; two or more leave a way back from a corrupt one.
  CheckpointFolder(std::filesystem::path folder, int64_t keep);

  /// Writes the checkpoint so that a crash leaves either none or all of it, then deletes the oldest beyond `keep`.
  /// Returns the file.
  std::filesystem::path save(const Checkpoint& checkpoint) const;

  /// The newest checkpoint that is intact; warns in the log of each that is not. Nothing if the folder holds none.
  /// Throws CheckpointError if none is intact, or if the newest intact one is of another `layout` (unless empty).
  std::optional<Checkpoint> latest(const std::string& layout = {}) const;

 private:
  std::filesystem::path folder_;
  int64_t keep_;
};

}  // namespace archleak::server
