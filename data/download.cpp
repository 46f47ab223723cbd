#include "data/download.h"

#include <curl/curl.h>
#include <spdlog/fmt/fmt.h>
#include <spdlog/spdlog.h>

#include <cstdio>
#include <memory>

#include "core/error.h"
#include "core/progress.h"
#include "data/verify.h"

namespace archleak::data {
namespace {

constexpr long kConnectTimeoutS = 30;
constexpr long kStallS = 60;  // without a byte
constexpr long kRedirects = 10;
constexpr int64_t kKilobyte = 1000;
constexpr long kPartialContent = 206;
constexpr long kRangeNotSatisfiable = 416;

/// One transfer into a part file.
struct Transfer {
  CURL* curl;
  const Download& download;
  std::unique_ptr<std::FILE, decltype(&std::fclose)> part;
  uint64_t had;  // bytes from earlier transfers
  uint64_t received = 0;
  bool too_large = false;
  bool write_failed = false;
  std::unique_ptr<Progress> progress = nullptr;
  int64_t shown = 0;  // kilobytes
};

size_t receive(char* bytes, size_t, size_t size, void* context) {
  auto& transfer = *static_cast<Transfer*>(context);
  long status = 0;
  curl_easy_getinfo(transfer.curl, CURLINFO_RESPONSE_CODE, &status);
  if (transfer.received == 0 && transfer.had > 0 && status != kPartialContent) {
    transfer.part.reset(std::fopen((transfer.download.target.string() + ".part").c_str(), "wb"));
    transfer.had = 0;  // the server sends the whole file again
    if (!transfer.part) return 0;
  }
  transfer.received += size;
  if (transfer.had + transfer.received > transfer.download.max_bytes) {
    transfer.too_large = true;
    return 0;
  }
  const size_t written = std::fwrite(bytes, 1, size, transfer.part.get());
  transfer.write_failed = written != size;
  return written;
}

int show(void* context, curl_off_t total, curl_off_t now, curl_off_t, curl_off_t) {
  auto& transfer = *static_cast<Transfer*>(context);
  if (total <= 0 || transfer.received == 0) return 0;
  const auto before = static_cast<int64_t>(transfer.had) / kKilobyte;
  if (!transfer.progress) {
    transfer.progress = std::make_unique<Progress>(transfer.download.target.filename().string(), "kB",
                                                   before + total / kKilobyte, before);
  }
  transfer.progress->advance(now / kKilobyte - transfer.shown);
  transfer.shown = now / kKilobyte;
  return 0;
}

/// Continues the part file until the server has no more; returns the HTTP status.
long fetch(const Download& download, const std::filesystem::path& part) {
  const std::unique_ptr<CURL, decltype(&curl_easy_cleanup)> curl(curl_easy_init(), curl_easy_cleanup);
  if (!curl) throw TransportError(download.url + ": cannot start a transfer");
  const uint64_t had = std::filesystem::exists(part) ? std::filesystem::file_size(part) : 0;
  Transfer transfer{curl.get(), download, {std::fopen(part.c_str(), "ab"), &std::fclose}, had};
  if (!transfer.part) throw DataError(part.string() + ": expected a file that can be written, got none");

  char reason[CURL_ERROR_SIZE] = "";
  CURL* handle = curl.get();
  curl_easy_setopt(handle, CURLOPT_URL, download.url.c_str());
  curl_easy_setopt(handle, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(handle, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(handle, CURLOPT_FOLLOWLOCATION, 1L);
  curl_easy_setopt(handle, CURLOPT_MAXREDIRS, kRedirects);
  curl_easy_setopt(handle, CURLOPT_FAILONERROR, 1L);
  curl_easy_setopt(handle, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(handle, CURLOPT_CONNECTTIMEOUT, kConnectTimeoutS);
  curl_easy_setopt(handle, CURLOPT_LOW_SPEED_LIMIT, 1L);
  curl_easy_setopt(handle, CURLOPT_LOW_SPEED_TIME, kStallS);
  curl_easy_setopt(handle, CURLOPT_USERAGENT, "archleak");
  curl_easy_setopt(handle, CURLOPT_ERRORBUFFER, reason);
  curl_easy_setopt(handle, CURLOPT_WRITEFUNCTION, receive);
  curl_easy_setopt(handle, CURLOPT_WRITEDATA, &transfer);
  curl_easy_setopt(handle, CURLOPT_XFERINFOFUNCTION, show);
  curl_easy_setopt(handle, CURLOPT_XFERINFODATA, &transfer);
  curl_easy_setopt(handle, CURLOPT_NOPROGRESS, 0L);
  // As a header of our own, since libcurl treats a server that ignores its own range option as an error.
  const std::string range = fmt::format("Range: bytes={}-", had);
  const std::unique_ptr<curl_slist, decltype(&curl_slist_free_all)> headers(
      had > 0 ? curl_slist_append(nullptr, range.c_str()) : nullptr, curl_slist_free_all);
  curl_easy_setopt(handle, CURLOPT_HTTPHEADER, headers.get());

  const CURLcode code = curl_easy_perform(handle);
  if (transfer.part && std::fflush(transfer.part.get()) != 0) transfer.write_failed = true;
  long status = 0;
  curl_easy_getinfo(handle, CURLINFO_RESPONSE_CODE, &status);
  if (transfer.too_large) {
    std::filesystem::remove(part);
    throw DataError(fmt::format("{}: expected at most {} bytes, got more", download.url, download.max_bytes));
  }
  if (transfer.write_failed) throw DataError(part.string() + ": cannot write (is the disk full?)");
  if (code != CURLE_OK && status != kRangeNotSatisfiable) {
    throw TransportError(fmt::format("{}: expected the file, got: {} (after {} bytes, which are kept for the next try)",
                                     download.url, *reason ? reason : curl_easy_strerror(code),
                                     transfer.had + transfer.received));
  }
  return status;
}

}  // namespace

void download(const Download& download) {
  std::filesystem::path part = download.target;
  part += ".part";
  if (download.target.has_parent_path()) std::filesystem::create_directories(download.target.parent_path());
  const bool resumed = std::filesystem::exists(part) && std::filesystem::file_size(part) > 0;
  const bool refused = fetch(download, part) == kRangeNotSatisfiable;
  std::string sum = download.md5.empty() ? std::string() : md5_file(part);
  // A part that does not continue this file, or that has no sum to tell whether it is whole, starts again.
  if ((resumed && sum != download.md5) || (refused && sum.empty())) {
    spdlog::warn("{}: the part that was there does not fit; fetching the whole file", part.string());
    std::filesystem::remove(part);
    fetch(download, part);
    sum = download.md5.empty() ? std::string() : md5_file(part);
  }
  if (sum != download.md5) {
    std::filesystem::remove(part);
    throw DataError(fmt::format("{}: expected MD5 {}, got {}", download.url, download.md5, sum));
  }
  std::filesystem::rename(part, download.target);
}

}  // namespace archleak::data
