#include "server/checkpoint.h"

#include <spdlog/fmt/fmt.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <charconv>
#include <vector>

#include "core/bytes.h"
#include "core/error.h"
#include "core/file.h"
#include "core/hash.h"

namespace archleak::server {
namespace {

constexpr std::string_view kMagic = "ALCKPT\r\n";  // a transfer that converts line ends breaks it
constexpr uint32_t kVersion = 1;
constexpr size_t kHeaderBytes = 8 + 4 + 8;
constexpr size_t kDigestBytes = sizeof(Sha256);
constexpr std::string_view kPrefix = "round-";
constexpr std::string_view kSuffix = ".ckpt";

std::string digest_of(std::string_view bytes) {
  const Sha256 digest = sha256(bytes.data(), bytes.size());
  return {digest.begin(), digest.end()};
}

struct Saved {
  int64_t round;
  std::filesystem::path file;
};

/// The checkpoints in `folder`, newest first.
std::vector<Saved> list(const std::filesystem::path& folder) {
  std::vector<Saved> files;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
    const std::string name = entry.path().filename().string();
    if (!name.starts_with(kPrefix) || !name.ends_with(kSuffix)) continue;
    const char* const end = name.data() + name.size() - kSuffix.size();
    int64_t round = 0;
    const auto parsed = std::from_chars(name.data() + kPrefix.size(), end, round);
    if (parsed.ec == std::errc() && parsed.ptr == end && round >= 0) files.push_back({round, entry.path()});
  }
  if (error) throw CheckpointError(folder.string() + ": expected a readable folder, got: " + error.message());
  std::sort(files.begin(), files.end(), [](const Saved& a, const Saved& b) { return a.round > b.round; });
  return files;
}

Checkpoint read(const std::filesystem::path& file) {
  std::string bytes;
  try {
    bytes = read_file(file);
  } catch (const DataError& error) {
    throw CheckpointError(error.what());
  }
  return decode(bytes, file.string());
}

}  // namespace

std::string encode(const Checkpoint& checkpoint) {
  ByteWriter content;
  content.u64(checkpoint.seed);
  content.i64(checkpoint.round);
  content.text(checkpoint.layout);
  content.text(checkpoint.config_hash);
  content.u64(checkpoint.sections.size());
  for (const auto& [name, bytes] : checkpoint.sections) {
    content.text(name);
    content.text(bytes);
  }
  content.u64(checkpoint.clients.size());
  for (const auto& [client, state] : checkpoint.clients) {
    content.i64(client);
    content.text(state);
  }
  ByteWriter file;
  file.raw(kMagic);
  file.u32(kVersion);
  file.text(content.bytes());
  file.raw(digest_of(file.bytes()));
  return file.take();
}

Checkpoint decode(std::string_view bytes, const std::string& where) {
  ByteReader file(bytes, where);
  if (bytes.size() < kHeaderBytes + kDigestBytes) {
    file.fail(fmt::format("a checkpoint of at least {} bytes", kHeaderBytes + kDigestBytes),
              std::to_string(bytes.size()));
  }
  if (file.raw(kMagic.size()) != kMagic) file.fail("a checkpoint (magic ALCKPT)", "another kind of file");
  const uint32_t version = file.u32();
  if (version != kVersion) file.fail(fmt::format("checkpoint version {}", kVersion), std::to_string(version));
  const std::string_view body = file.text();
  const std::string_view digest = file.raw(kDigestBytes);
  file.expect_end();
  if (digest != digest_of(bytes.substr(0, bytes.size() - kDigestBytes))) {
    file.fail("the SHA-256 at the end to match", "another");
  }
  ByteReader content(body, where);
  Checkpoint checkpoint;
  checkpoint.seed = content.u64();
  checkpoint.round = content.i64();
  checkpoint.layout = content.text();
  checkpoint.config_hash = content.text();
  for (uint64_t left = content.u64(); left > 0; --left) {
    std::string name(content.text());
    if (checkpoint.sections.contains(name)) content.fail("every section once", "'" + name + "' twice");
    checkpoint.sections[std::move(name)] = content.text();
  }
  for (uint64_t left = content.u64(); left > 0; --left) {
    const int64_t client = content.i64();
    if (checkpoint.clients.contains(client)) content.fail("every client once", fmt::format("{} twice", client));
    checkpoint.clients[client] = content.text();
  }
  content.expect_end();
  return checkpoint;
}

CheckpointFolder::CheckpointFolder(std::filesystem::path folder, int64_t keep)
    : folder_(std::move(folder)), keep_(keep) {
  if (keep < 1) throw ConfigError(fmt::format("checkpoints: expected to keep at least 1, got {}", keep));
  std::error_code error;
  std::filesystem::create_directories(folder_, error);
  if (error) throw CheckpointError(folder_.string() + ": expected to make a folder, got: " + error.message());
}

std::filesystem::path CheckpointFolder::save(const Checkpoint& checkpoint) const {
  auto file = folder_ / fmt::format("{}{:06}{}", kPrefix, checkpoint.round, kSuffix);
  write_file_atomically(file, encode(checkpoint));
  int64_t kept = 1;
  for (const auto& saved : list(folder_)) {
    if (saved.round >= checkpoint.round || ++kept <= keep_) continue;
    std::error_code ignored;
    std::filesystem::remove(saved.file, ignored);
  }
  return file;
}

std::optional<Checkpoint> CheckpointFolder::latest(const std::string& layout) const {
  std::string failures;
  for (const auto& saved : list(folder_)) {
    std::optional<Checkpoint> checkpoint;
    try {
      checkpoint = read(saved.file);
    } catch (const CheckpointError& error) {
      spdlog::warn("checkpoint left aside: {}", error.what());
      failures += std::string(failures.empty() ? "" : "; ") + error.what();
      continue;
    }
    if (!layout.empty() && checkpoint->layout != layout) {
      throw CheckpointError(
          fmt::format("{}: expected a model with layout {}, got {}", saved.file.string(), layout, checkpoint->layout));
    }
    return checkpoint;
  }
  if (!failures.empty()) throw CheckpointError("expected an intact checkpoint, got none: " + failures);
  return std::nullopt;
}

}  // namespace archleak::server
