#pragma once
#include <filesystem>
#include <set>
#include <string>

namespace archleak::wire {

/// A CURVE key pair (Curve25519), both halves in Z85: 40 characters.
struct KeyPair {
  std::string public_key;
  std::string secret_key;
};

/// A fresh key pair from the system's randomness: the one thing that is not derived from the run's seed.
KeyPair new_key_pair();

/// The public half that belongs to `secret_key`. Throws ConfigError if it is no key.
std::string public_key_of(const std::string& secret_key);

/// Throws ConfigError ("`where`: expected ...") unless `key` is 40 characters of Z85.
void check_key(const std::string& key, const std::string& where);

/// The public keys of the workers that may come in.
///
/// File: one key a line, followed by an optional name; empty lines and lines that begin with # are comments.
class KeyRing {
 public:
  /// Throws ConfigError with file and line for anything that is no key, and if there is none.
  static KeyRing load(const std::filesystem::path& file);

  void allow(const std::string& public_key);
  bool allows(const std::string& public_key) const { return keys_.contains(public_key); }
  const std::set<std::string>& keys() const { return keys_; }

 private:
  std::set<std::string> keys_;
};

/// What a coordinator needs: its own secret, and whom to let in.
struct CoordinatorKeys {
  KeyPair own;
  KeyRing workers;
};

/// What a worker needs: its own pair, and the key by which it knows the coordinator.
struct WorkerKeys {
  KeyPair own;
  std::string coordinator;  ///< public
};

/// Writes the secret key to `stem`.key (mode 0600) and the public one to `stem`.pub; both are Z85 below a comment line.
/// Throws ConfigError if either exists, Error if it cannot be written.
void write_key_pair(const std::filesystem::path& stem, const KeyPair& pair);

/// Reads a .key file. Throws ConfigError if it is missing, others than its owner can read it, or it holds no key.
KeyPair read_key_pair(const std::filesystem::path& file);

/// Reads a .pub file. Throws ConfigError if it is missing or holds no key.
std::string read_public_key(const std::filesystem::path& file);

/// Fills `folder`: coordinator.key, coordinator.pub, worker.key, worker.pub and allowed_workers, which lists
/// worker.pub. Throws ConfigError if one of these exists already.
void create_key_folder(const std::filesystem::path& folder);

/// Reads coordinator.key and allowed_workers from `folder`. Throws ConfigError.
CoordinatorKeys read_coordinator_keys(const std::filesystem::path& folder);

/// Reads worker.key and coordinator.pub from `folder`. Throws ConfigError.
WorkerKeys read_worker_keys(const std::filesystem::path& folder);

}  // namespace archleak::wire
