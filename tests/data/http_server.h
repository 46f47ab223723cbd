#pragma once
#include <atomic>
#include <cstddef>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace archleak::test {

/// A small HTTP server on a free loopback port, for downloads: serves files from memory, with ranges, and misbehaves on
/// demand.
class HttpServer {
 public:
  HttpServer();
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  /// "http://127.0.0.1:PORT/" + name
  std::string url(const std::string& name) const;

  void serve(const std::string& name, const std::string& content);

  /// Closes the connection of the next answer after so many bytes of content.
  void cut_next_after(size_t bytes);

  /// From now on sends whole files, whatever range is asked for.
  void ignore_ranges();

  /// What was asked for: "NAME" or "NAME from OFFSET".
  std::vector<std::string> requests() const;

 private:
  void answer(int connection);

  int listener_ = -1;
  int port_ = 0;
  std::atomic<bool> stopping_ = false;
  mutable std::mutex mutex_;  // guards what follows
  std::map<std::string, std::string> files_;
  std::vector<std::string> requests_;
  size_t cut_after_ = std::string::npos;
  bool ranges_ = true;
  std::thread thread_;
};

}  // namespace archleak::test
