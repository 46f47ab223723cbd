#include "data/verify.h"

#include <openssl/evp.h>
#include <spdlog/fmt/fmt.h>

#include <fstream>
#include <memory>

#include "core/error.h"
#include "core/file.h"
#include "core/hash.h"
#include "data/lines.h"

namespace archleak::data {
namespace {

constexpr uint64_t kMaxListBytes = 1 << 26;
constexpr size_t kHexDigits = 64;

bool is_hex(std::string_view text) {
  return text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

}  // namespace

ChecksumReport verify_checksums(const std::filesystem::path& root, const std::string& folder) {
  ChecksumReport report;
  auto base = root / folder;
  std::string prefix;
  if (!std::filesystem::exists(base / "SHA256SUMS")) {
    base = root;
    prefix = folder + "/";
  }
  const auto list = base / "SHA256SUMS";
  if (folder.empty() || !std::filesystem::exists(list)) return report;
  const std::string text = read_file(list, kMaxListBytes);
  Lines lines(text);
  for (std::string_view line; lines.next(line);) {
    if (line.empty()) continue;
    if (line.size() < kHexDigits + 3 || !is_hex(line.substr(0, kHexDigits)) || line[kHexDigits] != ' ') {
      throw DataError(fmt::format("{}:{}: expected a SHA-256 sum and a path, got '{}'", list.string(), lines.number(),
                                  line.substr(0, 80)));
    }
    const auto path = std::filesystem::path(line.substr(kHexDigits + 2)).lexically_normal();
    if (!path.string().starts_with(prefix)) continue;
    report.listed = true;
    if (!std::filesystem::is_regular_file(base / path)) {
      report.problems.push_back(fmt::format("{}: expected a file, got nothing", (base / path).string()));
    } else if (const auto sum = to_hex(sha256_file(base / path)); sum != line.substr(0, kHexDigits)) {
      report.problems.push_back(
          fmt::format("{}: expected SHA-256 {}, got {}", (base / path).string(), line.substr(0, kHexDigits), sum));
    } else {
      ++report.matching;
    }
  }
  return report;
}

std::string md5_file(const std::filesystem::path& file) {
  std::ifstream stream(file, std::ios::binary);
  if (!stream) throw DataError(file.string() + ": expected a readable file, got none");
  const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(), EVP_MD_CTX_free);
  if (EVP_DigestInit_ex(context.get(), EVP_md5(), nullptr) != 1) throw Error("MD5 is not available here");
  std::vector<char> block(1 << 20);
  while (stream) {
    stream.read(block.data(), static_cast<std::streamsize>(block.size()));
    EVP_DigestUpdate(context.get(), block.data(), static_cast<size_t>(stream.gcount()));
  }
  uint8_t digest[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  EVP_DigestFinal_ex(context.get(), digest, &size);
  std::string text;
  for (unsigned i = 0; i < size; ++i) text += fmt::format("{:02x}", digest[i]);
  return text;
}

}  // namespace archleak::data
