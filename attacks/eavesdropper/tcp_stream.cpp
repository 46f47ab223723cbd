#include "attacks/eavesdropper/tcp_stream.h"

namespace archleak::attacks {
namespace {

constexpr uint64_t kOverhead = 64;  // of a packet that waits
constexpr uint64_t kFirstLap = uint64_t{1}
                               << 32;  // so that what lies a little before the beginning is no number below 0

}  // namespace

void TcpStream::begin(uint32_t sequence) {
  begun_ = true;
  next_ = kFirstLap + sequence;
}

uint64_t TcpStream::unwrap(uint32_t sequence) const {
  return next_ +
         static_cast<uint64_t>(static_cast<int64_t>(static_cast<int32_t>(sequence - static_cast<uint32_t>(next_))));
}

void TcpStream::add(uint32_t sequence, std::string_view bytes, const Sink& sink) {
  if (bytes.empty()) return;
  if (!begun_) begin(sequence);
  const uint64_t offset = unwrap(sequence);
  if (offset + bytes.size() <= next_) return;  // sent again
  if (offset <= next_) {
    give(offset, bytes, sink);
    return give_waiting(sink);
  }
  std::string& waiting = waiting_[offset];
  if (waiting.size() >= bytes.size()) return;
  waiting_bytes_ += bytes.size() - waiting.size() + (waiting.empty() ? kOverhead : 0);
  waiting = bytes;
  while (waiting_bytes_ > most_waiting_) give_up_first_gap(sink);
}

void TcpStream::give(uint64_t offset, std::string_view bytes, const Sink& sink) {
  if (offset + bytes.size() <= next_) return;
  bytes.remove_prefix(next_ - offset);
  next_ += bytes.size();
  sink.data(bytes);
}

void TcpStream::give_waiting(const Sink& sink) {
  while (!waiting_.empty() && waiting_.begin()->first <= next_) {
    const auto first = waiting_.extract(waiting_.begin());
    waiting_bytes_ -= first.mapped().size() + kOverhead;
    give(first.key(), first.mapped(), sink);
  }
}

void TcpStream::give_up_first_gap(const Sink& sink) {
  const uint64_t resumed = waiting_.begin()->first;
  sink.missing(resumed - next_);
  next_ = resumed;
  give_waiting(sink);
}

void TcpStream::end(uint32_t sequence) {
  if (begun_) end_ = unwrap(sequence);
}

void TcpStream::finish(const Sink& sink) {
  while (!waiting_.empty()) give_up_first_gap(sink);
  if (end_ && *end_ > next_) {
    sink.missing(*end_ - next_);
    next_ = *end_;
  }
}

}  // namespace archleak::attacks
