#include "attacks/eavesdropper/recorder.h"

#include <spdlog/spdlog.h>

#include <utility>

namespace archleak::attacks {
namespace {

constexpr uint64_t kSlack = 1 << 20;

}  // namespace

void write_record(wire::CaptureWriter& writer, const Record& record) {
  switch (record.type) {
    case wire::BlockType::open:
      return writer.open(record.connection, record.bytes, record.time_ns);
    case wire::BlockType::data:
      return writer.data(record.connection, record.direction, record.offset, record.bytes, record.time_ns);
    case wire::BlockType::gap:
      return writer.gap(record.connection, record.direction, record.offset, record.lost, record.time_ns);
    default:
      return writer.close(record.connection, record.direction, record.offset, record.time_ns);
  }
}

Recorder::Recorder(std::function<void(const Record&)> write, uint64_t queue_bytes)
    : write_(std::move(write)), queue_bytes_(queue_bytes), thread_([this] { write_all(); }) {}

Recorder::~Recorder() {
  end();
}

void Recorder::open(uint32_t connection, const std::string& peer) {
  push({.type = wire::BlockType::open, .connection = connection, .time_ns = wire::capture_clock(), .bytes = peer});
}

void Recorder::data(uint32_t connection, wire::Direction direction, std::string_view bytes) {
  const StreamId id{connection, direction};
  Stream& stream = streams_[id];
  const auto record = [&] {
    note_gap(id, stream);
    return push({.direction = direction,
                 .connection = connection,
                 .time_ns = wire::capture_clock(),
                 .offset = stream.offset,
                 .bytes = std::string(bytes)});
  };
  if (!has_room(bytes.size()) || !record()) {
    count_lost(bytes.size());
    stream.lost += bytes.size();
  }
  stream.offset += bytes.size();
}

bool Recorder::has_room(uint64_t bytes) {
  const std::lock_guard lock(mutex_);
  return waiting_bytes_ + sizeof(Record) + bytes <= queue_bytes_ && bytes_.disk_failure.empty();
}

void Recorder::count_lost(uint64_t bytes) {
  const std::lock_guard lock(mutex_);
  if (bytes_.lost == 0 && bytes_.disk_failure.empty()) {
    spdlog::warn("the disk is too slow: bytes are left out of the recording; traffic is not held up");
  }
  bytes_.lost += bytes;
}

void Recorder::close(uint32_t connection, wire::Direction direction) {
  const StreamId id{connection, direction};
  Stream& stream = streams_[id];
  note_gap(id, stream);
  push({.type = wire::BlockType::close,
        .direction = direction,
        .connection = connection,
        .time_ns = wire::capture_clock(),
        .offset = stream.offset});
  streams_.erase(id);
}

void Recorder::note_gap(const StreamId& id, Stream& stream) {
  const uint64_t lost = std::exchange(stream.lost, 0);
  if (lost == 0) return;
  spdlog::warn("{} bytes of connection {} were left out of the recording", lost, id.first);
  push({.type = wire::BlockType::gap,
        .direction = id.second,
        .connection = id.first,
        .time_ns = wire::capture_clock(),
        .offset = stream.offset - lost,
        .lost = lost});
}

bool Recorder::push(Record record) {
  {
    const std::lock_guard lock(mutex_);
    // What is no data takes little, but connections may come and go for as long as the disk stands still. A reader
    // does without it.
    const bool full = record.type != wire::BlockType::data && waiting_bytes_ > 2 * queue_bytes_ + kSlack;
    if (full || !bytes_.disk_failure.empty()) return false;
    waiting_bytes_ += sizeof(Record) + record.bytes.size();
    queue_.push_back(std::move(record));
  }
  changed_.notify_one();
  return true;
}

void Recorder::write_all() {
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [this] { return !queue_.empty() || ending_; });
    if (queue_.empty()) return;
    const Record record = std::move(queue_.front());
    queue_.pop_front();
    const bool data = record.type == wire::BlockType::data;
    std::string failure;
    lock.unlock();
    try {
      write_(record);
    } catch (const std::exception& error) {
      failure = error.what();
      spdlog::error("the recording ends here, traffic goes on: {}", failure);
    }
    lock.lock();
    waiting_bytes_ -= sizeof(Record) + record.bytes.size();
    if (data) (failure.empty() ? bytes_.recorded : bytes_.lost) += record.bytes.size();
    if (failure.empty()) continue;
    bytes_.disk_failure = failure;
    for (const auto& waiting : queue_) {
      if (waiting.type == wire::BlockType::data) bytes_.lost += waiting.bytes.size();
    }
    queue_.clear();
    waiting_bytes_ = 0;
  }
}

RecordedBytes Recorder::end() {
  if (thread_.joinable()) {
    for (auto& [id, stream] : streams_) note_gap(id, stream);
    {
      const std::lock_guard lock(mutex_);
      ending_ = true;
    }
    changed_.notify_one();
    thread_.join();
  }
  return bytes_;
}

}  // namespace archleak::attacks
