#pragma once
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace archleak::attacks {

/// Puts one direction of a TCP connection together again from packets that come late, twice, in another order or not at
/// all. What has not come is waited for until more than a bounded number of bytes wait behind it, or until the end;
/// then it is missing.
class TcpStream {
 public:
  struct Sink {
    std::function<void(std::string_view bytes)> data;  ///< the stream's next bytes
    std::function<void(uint64_t bytes)> missing;       ///< so many next bytes have never come
  };

  explicit TcpStream(uint64_t most_waiting = uint64_t{64} << 20) : most_waiting_(most_waiting) {}

  /// The stream begins at this sequence number.
  void begin(uint32_t sequence);

  /// A packet. Without `begin`, the first packet is where the stream begins.
  void add(uint32_t sequence, std::string_view bytes, const Sink& sink);

  /// The stream ends at this sequence number, that of the FIN.
  void end(uint32_t sequence);

  /// Whether it has ended and all has come.
  bool complete() const { return end_ && next_ >= *end_; }

  /// Nothing more will come.
  void finish(const Sink& sink);

  bool begun() const { return begun_; }

 private:
  uint64_t unwrap(uint32_t sequence) const;
  void give(uint64_t offset, std::string_view bytes, const Sink& sink);
  void give_waiting(const Sink& sink);
  void give_up_first_gap(const Sink& sink);

  uint64_t most_waiting_;
  bool begun_ = false;
  uint64_t next_ = 0;  // as a sequence number that does not wrap
  std::optional<uint64_t> end_;
  std::map<uint64_t, std::string> waiting_;
  uint64_t waiting_bytes_ = 0;
};

}  // namespace archleak::attacks
