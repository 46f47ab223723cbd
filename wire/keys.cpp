#include "wire/keys.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zmq.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <sstream>
#include <string_view>

#include "core/error.h"
#include "core/file.h"

namespace archleak::wire {
namespace {

constexpr size_t kKeyCharacters = 40;
constexpr size_t kKeyBytes = 32;
constexpr uint64_t kMaxKeyFileBytes = 1 << 20;
constexpr const char* kSpace = " \t\r";

struct Entry {
  std::string key;
  std::string where;  // file:line
};

/// The lines of a key file that are no comments. '#' is a character of Z85, but no key begins with it: the first five
/// characters would be more than 32 bits.
std::vector<Entry> read_entries(const std::filesystem::path& file) {
  std::string text;
  try {
    text = read_file(file, kMaxKeyFileBytes);
  } catch (const DataError& error) {
    throw ConfigError(std::string(error.what()) + "; `archleak keys new` makes keys");
  }
  std::vector<Entry> entries;
  std::istringstream lines(text);
  size_t number = 0;
  for (std::string line; std::getline(lines, line);) {
    ++number;
    const size_t first = line.find_first_not_of(kSpace);
    if (first == std::string::npos || line[first] == '#') continue;
    const std::string key = line.substr(first, line.find_first_of(kSpace, first) - first);
    entries.push_back({key, file.string() + ":" + std::to_string(number)});
    check_key(key, entries.back().where);
  }
  return entries;
}

std::string read_one(const std::filesystem::path& file) {
  const auto entries = read_entries(file);
  if (entries.size() != 1) {
    throw ConfigError(file.string() + ": expected one key, got " + std::to_string(entries.size()));
  }
  return entries.front().key;
}

void must_not_exist(const std::filesystem::path& file) {
  if (std::filesystem::exists(std::filesystem::symlink_status(file))) {
    throw ConfigError(file.string() + ": expected no such file, got one; keys are never overwritten");
  }
}

/// Never replaces a file, and the secret is never readable by others, not even for a moment.
void write_new(const std::filesystem::path& file, const std::string& text, mode_t mode) {
  must_not_exist(file);
  const int descriptor = ::open(file.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
  const bool written =
      descriptor >= 0 && ::write(descriptor, text.data(), text.size()) == std::ssize(text) && ::fsync(descriptor) == 0;
  const int reason = errno;
  if (descriptor >= 0) ::close(descriptor);
  if (!written) throw Error(file.string() + ": cannot write: " + std::strerror(reason));
}

std::filesystem::path with_suffix(const std::filesystem::path& stem, const char* suffix) {
  return stem.string() + suffix;
}

}  // namespace

KeyPair new_key_pair() {
  std::array<char, kKeyCharacters + 1> public_key{};
  std::array<char, kKeyCharacters + 1> secret_key{};
  if (zmq_curve_keypair(public_key.data(), secret_key.data()) != 0) {
    throw TransportError("expected a ZeroMQ library with CURVE, got one without");
  }
  return {public_key.data(), secret_key.data()};
}

std::string public_key_of(const std::string& secret_key) {
  check_key(secret_key, "secret key");
  std::array<char, kKeyCharacters + 1> public_key{};
  if (zmq_curve_public(public_key.data(), secret_key.c_str()) != 0) {
    throw TransportError("expected a ZeroMQ library with CURVE, got one without");
  }
  return public_key.data();
}

void check_key(const std::string& key, const std::string& where) {
  std::array<uint8_t, kKeyBytes> bytes{};
  if (key.size() != kKeyCharacters) {
    throw ConfigError(where + ": expected a key of 40 characters, got " + std::to_string(key.size()));
  }
  if (!zmq_z85_decode(bytes.data(), key.c_str())) {
    throw ConfigError(where + ": expected a key in Z85, got other characters");
  }
}

KeyRing KeyRing::load(const std::filesystem::path& file) {
  KeyRing ring;
  for (const auto& entry : read_entries(file)) ring.keys_.insert(entry.key);
  if (ring.keys_.empty()) throw ConfigError(file.string() + ": expected at least one worker's public key, got none");
  return ring;
}

void KeyRing::allow(const std::string& public_key) {
  check_key(public_key, "allowed worker");
  keys_.insert(public_key);
}

void write_key_pair(const std::filesystem::path& stem, const KeyPair& pair) {
  must_not_exist(with_suffix(stem, ".pub"));
  const std::string name = stem.filename().string();
  write_new(with_suffix(stem, ".key"), "# ArchLeak secret key of " + name + ": keep it\n" + pair.secret_key + "\n",
            0600);
  write_new(with_suffix(stem, ".pub"), "# ArchLeak public key of " + name + "\n" + pair.public_key + "\n", 0644);
}

KeyPair read_key_pair(const std::filesystem::path& file) {
  const std::string secret_key = read_one(file);
  struct stat status {};
  if (::stat(file.c_str(), &status) == 0 && (status.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
    std::ostringstream mode;
    mode << std::oct << (status.st_mode & 0777);
    throw ConfigError(file.string() + ": expected mode 600, so that nobody else can read the secret key, got " +
                      mode.str() + "; run chmod 600 on it");
  }
  return {public_key_of(secret_key), secret_key};
}

std::string read_public_key(const std::filesystem::path& file) {
  return read_one(file);
}

void create_key_folder(const std::filesystem::path& folder) {
  for (const char* name : {"coordinator.key", "coordinator.pub", "worker.key", "worker.pub", "allowed_workers"}) {
    must_not_exist(folder / name);
  }
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error) throw Error(folder.string() + ": cannot create the folder: " + error.message());
  const KeyPair worker = new_key_pair();
  write_key_pair(folder / "coordinator", new_key_pair());
  write_key_pair(folder / "worker", worker);
  write_new(
      folder / "allowed_workers",
      "# Public keys of the workers that may come in: one a line, then a name.\n" + worker.public_key + " worker\n",
      0644);
}

CoordinatorKeys read_coordinator_keys(const std::filesystem::path& folder) {
  return {read_key_pair(folder / "coordinator.key"), KeyRing::load(folder / "allowed_workers")};
}

WorkerKeys read_worker_keys(const std::filesystem::path& folder) {
  return {read_key_pair(folder / "worker.key"), read_public_key(folder / "coordinator.pub")};
}

}  // namespace archleak::wire
