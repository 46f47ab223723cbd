#include "wire/capture_messages.h"

#include <spdlog/spdlog.h>

#include <algorithm>

#include "core/bytes.h"
#include "core/error.h"

namespace archleak::wire {
namespace {

constexpr size_t kFeedBytes = 4096;  // so that few units wait at a time

StreamId id_of(const CaptureBlock& block) {
  return {block.segment, block.header.connection, block.header.direction};
}

std::string where(const CaptureReader& reader, const CaptureBlock& block) {
  return fmt::format("{}: byte {}", reader.file().string(), block.position);
}

std::span<const std::byte> as_bytes(std::string_view text) {
  return std::as_bytes(std::span(text));
}

}  // namespace

std::string CapturedUnit::name() const {
  switch (kind) {
    case ZmtpUnit::Kind::greeting:
      return "greeting";
    case ZmtpUnit::Kind::command:
      return "command";
    case ZmtpUnit::Kind::ciphertext:
      return "ciphertext";
    case ZmtpUnit::Kind::message:
      return message ? kind_name(kind_of(*message)) : "unreadable";
    case ZmtpUnit::Kind::unreadable:
      break;
  }
  return "unreadable";
}

CaptureMessages::CaptureMessages(const CaptureReader& reader, const Limits& limits)
    : reader_(reader), limits_(limits) {}

std::optional<CapturedUnit> CaptureMessages::next() {
  while (ready_.empty()) {
    if (fed_ < content_.size()) {
      const std::string_view part = std::string_view(content_).substr(fed_, kFeedBytes);
      fed_ += part.size();
      Stream& target = stream(current_);
      target.offset += part.size();
      target.decoder.feed(as_bytes(part), sink(current_));
    } else if (next_block_ < reader_.blocks().size()) {
      take(reader_.blocks()[next_block_++]);
    } else if (!streams_.empty()) {
      finish_all();
    } else {
      return std::nullopt;
    }
  }
  CapturedUnit unit = std::move(ready_.front());
  ready_.pop_front();
  return unit;
}

CaptureMessages::Stream& CaptureMessages::stream(const StreamId& id) {
  return streams_.try_emplace(id, Stream{.decoder = ZmtpDecoder(limits_)}).first->second;
}

void CaptureMessages::take(const CaptureBlock& block) {
  const BlockHeader& header = block.header;
  const StreamId id = id_of(block);
  if (header.type == BlockType::segment) finish_all();  // ended before, at the time of what came before
  time_ns_ = header.time_ns;
  if (header.type == BlockType::data) {
    Stream& target = stream(id);
    skip_to(block, id, target);
    try {
      content_ = reader_.content(block);
      fed_ = 0;
      current_ = id;
    } catch (const DataError& error) {
      spdlog::warn("{}; its {} bytes are passed over", error.what(), header.length);
      target.decoder.skip(header.length, sink(id));
      target.offset += header.length;
    }
  } else if (header.type == BlockType::gap) {
    uint64_t lost = 0;
    try {
      const std::string content = reader_.content(block);
      lost = ByteReader(content, where(reader_, block)).u64();
    } catch (const Error& error) {
      spdlog::warn("{}; how much was lost there is known from what follows", error.what());
      return;
    }
    Stream& target = stream(id);
    skip_to(block, id, target);
    target.decoder.skip(lost, sink(id));
    target.offset += lost;
  } else if (header.type == BlockType::close) {
    Stream& target = stream(id);
    skip_to(block, id, target);
    finish(id, target);
  }
}

void CaptureMessages::skip_to(const CaptureBlock& block, const StreamId& id, Stream& stream) {
  if (block.header.offset < stream.offset && reader_.damaged()) {  // its end and the next beginning may be missing
    finish(id, stream);
    stream = Stream{.decoder = ZmtpDecoder(limits_)};
  }
  if (block.header.offset < stream.offset) {
    throw DataError(fmt::format("{}: expected bytes of connection {} from {} on, got from {}", where(reader_, block),
                                id.connection, stream.offset, block.header.offset));
  }
  stream.decoder.skip(block.header.offset - stream.offset, sink(id));
  stream.offset = block.header.offset;
}

void CaptureMessages::finish(const StreamId& id, Stream& stream) {
  stream.decoder.finish(sink(id));
}

void CaptureMessages::finish_all() {
  for (auto& [id, stream] : streams_) finish(id, stream);
  streams_.clear();
}

ZmtpDecoder::Sink CaptureMessages::sink(const StreamId& id) {
  return [this, id](ZmtpUnit&& unit) {
    CapturedUnit captured{.place = {id, unit.offset, unit.bytes},
                          .time_ns = time_ns_,
                          .worker = {},
                          .kind = unit.kind,
                          .note = std::move(unit.text),
                          .message = {},
                          .epoch = 0};
    const auto named = streams_.find({id.segment, id.connection, Direction::up});
    if (named != streams_.end()) captured.worker = named->second.decoder.identity();
    if (unit.kind == ZmtpUnit::Kind::message) {
      try {
        Decoded decoded = decode(unit.frames, limits_);
        captured.message = std::move(decoded.message);
        captured.epoch = decoded.epoch;
      } catch (const ProtocolError& error) {
        captured.kind = ZmtpUnit::Kind::unreadable;
        captured.note = error.what();
      }
    }
    ready_.push_back(std::move(captured));
  };
}

CaptureLookup::CaptureLookup(const CaptureReader& reader, const Limits& limits) : reader_(reader), limits_(limits) {
  for (const auto& block : reader.blocks()) {
    if (block.header.type == BlockType::data) data_[id_of(block)].push_back(&block);
  }
}

Message CaptureLookup::message(const CapturePlace& place) const {
  std::optional<Message> found;
  const auto blocks = data_.find(place.stream);
  const uint64_t end = place.offset + place.bytes;
  if (blocks != data_.end()) {
    ZmtpDecoder decoder(limits_, Mechanism::open, place.offset);
    const auto sink = [&](ZmtpUnit&& unit) {
      if (unit.kind != ZmtpUnit::Kind::message || found) return;
      try {
        found = decode(unit.frames, limits_).message;
      } catch (const ProtocolError&) {  // not the place of a message
      }
    };
    auto block = std::partition_point(blocks->second.begin(), blocks->second.end(), [&](const CaptureBlock* candidate) {
      return candidate->header.offset + candidate->header.length <= place.offset;
    });
    for (; block != blocks->second.end() && (*block)->header.offset < end; ++block) {
      const std::string content = reader_.content(**block);
      const uint64_t first = (*block)->header.offset;
      const auto from = static_cast<size_t>(place.offset > first ? place.offset - first : 0);
      decoder.feed(as_bytes(std::string_view(content).substr(from, end - std::max(first, place.offset))), sink);
    }
  }
  if (!found) {
    throw DataError(fmt::format("{}: expected a message at byte {} of connection {}, got none", reader_.file().string(),
                                place.offset, place.stream.connection));
  }
  return std::move(*found);
}

}  // namespace archleak::wire
