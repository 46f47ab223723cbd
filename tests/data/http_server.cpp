#include "tests/data/http_server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>
#include <stdexcept>

namespace archleak::test {
namespace {

void send_all(int connection, const std::string& bytes) {
  size_t sent = 0;
  while (sent < bytes.size()) {
    const ssize_t count = ::send(connection, bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
    if (count <= 0) return;
    sent += static_cast<size_t>(count);
  }
}

std::string receive_head(int connection) {
  std::string head;
  char block[2048];
  while (head.find("\r\n\r\n") == std::string::npos && head.size() < 65536) {
    const ssize_t count = ::recv(connection, block, sizeof(block), 0);
    if (count <= 0) break;
    head.append(block, static_cast<size_t>(count));
  }
  return head;
}

}  // namespace

HttpServer::HttpServer() : listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  if (::bind(listener_, generic, size) != 0 || ::listen(listener_, 8) != 0 ||
      ::getsockname(listener_, generic, &size) != 0) {
    throw std::runtime_error("cannot listen on loopback");
  }
  port_ = ntohs(address.sin_port);
  thread_ = std::thread([this] {
    while (true) {
      const int connection = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
      if (stopping_ || connection < 0) {
        if (connection >= 0) ::close(connection);
        return;
      }
      answer(connection);
      ::shutdown(connection, SHUT_RDWR);
      ::close(connection);
    }
  });
}

HttpServer::~HttpServer() {
  stopping_ = true;
  ::shutdown(listener_, SHUT_RDWR);
  thread_.join();
  ::close(listener_);
}

std::string HttpServer::url(const std::string& name) const {
  return "http://127.0.0.1:" + std::to_string(port_) + "/" + name;
}

void HttpServer::serve(const std::string& name, const std::string& content) {
  const std::lock_guard lock(mutex_);
  files_[name] = content;
}

void HttpServer::cut_next_after(size_t bytes) {
  const std::lock_guard lock(mutex_);
  cut_after_ = bytes;
}

void HttpServer::ignore_ranges() {
  const std::lock_guard lock(mutex_);
  ranges_ = false;
}

std::vector<std::string> HttpServer::requests() const {
  const std::lock_guard lock(mutex_);
  return requests_;
}

void HttpServer::answer(int connection) {
  const std::string head = receive_head(connection);
  const size_t slash = head.find('/');
  if (!head.starts_with("GET ") || slash == std::string::npos) return;
  const std::string name = head.substr(slash + 1, head.find(' ', slash) - slash - 1);
  const size_t range = head.find("Range: bytes=");
  const size_t from = range == std::string::npos ? 0 : std::strtoull(head.c_str() + range + 13, nullptr, 10);

  const std::lock_guard lock(mutex_);
  requests_.push_back(from > 0 ? name + " from " + std::to_string(from) : name);
  const auto found = files_.find(name);
  if (found == files_.end()) {
    send_all(connection, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    return;
  }
  const bool partial = ranges_ && from > 0;
  if (partial && from >= found->second.size()) {
    send_all(connection, "HTTP/1.1 416 Range Not Satisfiable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    return;
  }
  const std::string content = found->second.substr(partial ? from : 0);
  send_all(connection,
           (partial ? std::string("HTTP/1.1 206 Partial Content\r\nContent-Range: bytes ") + std::to_string(from) +
                          "-" + std::to_string(found->second.size() - 1) + "/" + std::to_string(found->second.size())
                    : std::string("HTTP/1.1 200 OK")) +
               "\r\nContent-Length: " + std::to_string(content.size()) + "\r\nConnection: close\r\n\r\n");
  send_all(connection, content.substr(0, cut_after_));
  cut_after_ = std::string::npos;
}

}  // namespace archleak::test
