#include "wire/codec.h"

#include <array>
#include <bit>
#include <cstring>
#include <sstream>
#include <string>
#include <string_view>

#include "wire/body.h"

namespace archleak::wire {

template <class Archive>
void serialize(Archive& archive, Metric& metric) {
  archive(metric.name, metric.value);
}
template <class Archive>
void serialize(Archive& archive, Hello& hello) {
  archive(hello.worker, hello.slots, hello.program_version, hello.session);
}
template <class Archive>
void serialize(Archive& archive, Welcome& welcome) {
  archive(welcome.epoch, welcome.config, welcome.heartbeat_s, welcome.lease_s, welcome.layout);
}
template <class Archive>
void serialize(Archive& archive, Refuse& refuse) {
  uint8_t final = refuse.final ? 1 : 0;
  archive(refuse.reason, final);
  if constexpr (Archive::is_loading::value) {
    if (final > 1) throw ProtocolError("refuse: expected 0 or 1 for final, got " + std::to_string(final));
    refuse.final = final == 1;
  }
}
template <class Archive>
void serialize(Archive& archive, Model& model) {
  archive(model.round);
}
template <class Archive>
void serialize(Archive& archive, Task& task) {
  archive(task.task, task.attempt, task.round, task.kind, task.client, task.first, task.last, task.instruction,
          task.client_state);
}
template <class Archive>
void serialize(Archive& archive, Accept& accept) {
  archive(accept.task, accept.attempt);
}
template <class Archive>
void serialize(Archive& archive, Outcome& outcome) {
  uint8_t masked = outcome.masked ? 1 : 0;
  archive(outcome.task, outcome.attempt, outcome.round, outcome.kind, outcome.client, outcome.weight, outcome.metrics,
          outcome.client_state, outcome.answer, masked);
  if constexpr (Archive::is_loading::value) {
    if (masked > 1) throw ProtocolError("outcome: expected 0 or 1 for masked, got " + std::to_string(masked));
    outcome.masked = masked == 1;
  }
}
template <class Archive>
void serialize(Archive& archive, Failure& failure) {
  archive(failure.task, failure.attempt, failure.reason);
}
template <class Archive>
void serialize(Archive& archive, Flush& flush) {
  archive(flush.round);
}
template <class Archive>
void serialize(Archive& archive, PartialSum& sum) {
  archive(sum.round, sum.tasks, sum.weight, sum.bound, sum.scale_bits);
}
template <class Archive>
void serialize(Archive& archive, Heartbeat& heartbeat) {
  archive(heartbeat.sequence);
}
template <class Archive>
void serialize(Archive& archive, Drain& drain) {
  archive(drain.reason);
}
template <class Archive>
void serialize(Archive& archive, Bye& bye) {
  archive(bye.reason);
}

namespace {

constexpr std::string_view kMagic = "ALWP";
constexpr size_t kHeaderBytes = 24;
constexpr size_t kFrames = 3;

struct Header {
  uint16_t version = kProtocolVersion;
  uint16_t kind = 0;
  uint64_t epoch = 0;
  uint64_t payload_bytes = 0;
};

/// A message's payload and the size of its numbers; nothing for the kinds that have none.
template <typename Pointer>
struct PayloadField {
  Pointer payload = nullptr;
  size_t number_bytes = 1;
};

template <typename MessageOrConst>
auto payload_of(MessageOrConst& message) -> PayloadField<decltype(&std::get_if<Model>(&message)->values)> {
  if (auto* model = std::get_if<Model>(&message)) return {&model->values, sizeof(float)};
  if (auto* outcome = std::get_if<Outcome>(&message)) {
    return {&outcome->update, outcome->masked ? sizeof(int64_t) : sizeof(float)};
  }
  if (auto* sum = std::get_if<PartialSum>(&message)) return {&sum->sums, sizeof(int64_t)};
  return {};
}

static_assert(std::endian::native == std::endian::little, "the header is copied as little-endian numbers");

Frame encode_header(const Header& header) {
  std::string bytes(kMagic);
  const auto append = [&bytes](const auto& number) {
    bytes.append(reinterpret_cast<const char*>(&number), sizeof(number));
  };
  append(header.version);
  append(header.kind);
  append(header.epoch);
  append(header.payload_bytes);
  return Payload::own(std::move(bytes));
}

Header decode_header(const Frame& frame) {
  if (frame.bytes() < kMagic.size() + sizeof(uint16_t) ||
      std::memcmp(frame.data(), kMagic.data(), kMagic.size()) != 0) {
    throw ProtocolError("header: expected the magic \"ALWP\", got " + std::to_string(frame.bytes()) + " other bytes");
  }
  Header header;
  const std::byte* next = frame.data() + kMagic.size();
  const auto take = [&next](auto& number) {
    std::memcpy(&number, next, sizeof(number));
    next += sizeof(number);
  };
  take(header.version);  // before the length: a later version may have a longer header
  if (header.version != kProtocolVersion) {
    throw VersionError("expected protocol version " + std::to_string(kProtocolVersion) + ", got " +
                       std::to_string(header.version));
  }
  if (frame.bytes() != kHeaderBytes) {
    throw ProtocolError("header: expected " + std::to_string(kHeaderBytes) + " bytes, got " +
                        std::to_string(frame.bytes()));
  }
  take(header.kind);
  take(header.epoch);
  take(header.payload_bytes);
  return header;
}

Frame encode_body(const Message& message) {
  std::ostringstream stream(std::ios::binary);
  {
    cereal::PortableBinaryOutputArchive archive(stream, cereal::PortableBinaryOutputArchive::Options::LittleEndian());
    std::visit([&archive](const auto& fields) { archive(fields); }, message);
  }
  return Payload::own(std::move(stream).str());
}

template <size_t index = 0>
Message message_of_kind(uint16_t kind) {
  if constexpr (index < kMessageKinds) {
    if (kind == index + 1) return std::variant_alternative_t<index, Message>{};
    return message_of_kind<index + 1>(kind);
  } else {
    throw ProtocolError("header: expected a kind from 1 to " + std::to_string(kMessageKinds) + ", got " +
                        std::to_string(kind));
  }
}

void check_at_most(const char* what, uint64_t most, uint64_t got) {
  if (got > most) {
    throw ProtocolError(std::string(what) + ": expected at most " + std::to_string(most) + " bytes, got " +
                        std::to_string(got));
  }
}

void decode_body(const Frame& frame, const Limits& limits, Message& message) {
  const std::string name = kind_name(kind_of(message));
  if (frame.empty() || frame.data()[0] != std::byte{1}) {
    throw ProtocolError(name + ": expected a little-endian body, got another or none");
  }
  try {
    BodyReader reader({frame.data(), frame.bytes()}, limits.max_items);
    std::visit([&reader](auto& fields) { reader(fields); }, message);
    if (reader.remaining() != 0) {
      throw ProtocolError(name + ": expected the body to end, got " + std::to_string(reader.remaining()) +
                          " more bytes");
    }
  } catch (const cereal::Exception&) {
    throw ProtocolError(name + ": expected a longer body, got " + std::to_string(frame.bytes()) + " bytes");
  }
}

void check_task_kind(const Message& message) {
  const auto* task = std::get_if<Task>(&message);
  const auto* outcome = std::get_if<Outcome>(&message);
  const TaskKind kind = task ? task->kind : outcome ? outcome->kind : TaskKind::train;
  if (kind > TaskKind::survey) {
    throw ProtocolError("task: expected a kind from 0 to 4, got " + std::to_string(static_cast<int>(kind)));
  }
}

void check_payload(const char* name, const Payload& payload, uint64_t expected_bytes, size_t number_bytes) {
  if (payload.bytes() != expected_bytes || expected_bytes % number_bytes != 0) {
    throw ProtocolError(std::string(name) + ": expected a payload of " + std::to_string(expected_bytes) +
                        " bytes, a multiple of " + std::to_string(number_bytes) + ", got " +
                        std::to_string(payload.bytes()) + " bytes");
  }
}

void check_limits(const Message& message, std::span<const Frame> frames, const Limits& limits) {
  check_at_most("body", limits.max_text_bytes, frames[1].bytes());
  check_task_kind(message);
  if (frames.size() == kFrames) {
    check_at_most("payload", limits.max_payload_bytes, frames[2].bytes());
    check_payload(kind_name(kind_of(message)), frames[2], frames[2].bytes(), payload_of(message).number_bytes);
  }
  const auto* outcome = std::get_if<Outcome>(&message);
  const auto* sum = std::get_if<PartialSum>(&message);
  const size_t items = outcome ? outcome->metrics.size() : sum ? sum->tasks.size() : 0;
  if (items > limits.max_items) {
    throw ProtocolError(std::string(kind_name(kind_of(message))) + ": expected a list of length at most " +
                        std::to_string(limits.max_items) + ", got " + std::to_string(items));
  }
}

}  // namespace

std::vector<Frame> encode(const Message& message, uint64_t epoch) {
  const Payload* payload = payload_of(message).payload;
  const bool bulky = payload && !payload->empty();
  std::vector<Frame> frames;
  frames.reserve(kFrames);
  frames.push_back(
      encode_header({.kind = kind_of(message), .epoch = epoch, .payload_bytes = bulky ? payload->bytes() : 0}));
  frames.push_back(encode_body(message));
  if (bulky) frames.push_back(*payload);
  return frames;
}

std::vector<Frame> encode(const Message& message, uint64_t epoch, const Limits& limits) {
  std::vector<Frame> frames = encode(message, epoch);
  check_limits(message, frames, limits);
  return frames;
}

Decoded decode(std::span<const Frame> frames, const Limits& limits) {
  if (frames.empty()) throw ProtocolError("expected 2 or 3 frames, got none");
  const Header header = decode_header(frames[0]);
  Decoded decoded{.epoch = header.epoch, .message = message_of_kind(header.kind)};
  const auto field = payload_of(decoded.message);
  check_at_most("payload", limits.max_payload_bytes, header.payload_bytes);
  if (header.payload_bytes > 0 && !field.payload) {
    throw ProtocolError(std::string(kind_name(header.kind)) + ": expected no payload, got " +
                        std::to_string(header.payload_bytes) + " bytes");
  }
  const size_t expected = header.payload_bytes > 0 ? kFrames : kFrames - 1;
  if (frames.size() != expected) {
    throw ProtocolError(std::string(kind_name(header.kind)) + ": expected " + std::to_string(expected) +
                        " frames, got " + std::to_string(frames.size()));
  }
  check_at_most("body", limits.max_text_bytes, frames[1].bytes());
  decode_body(frames[1], limits, decoded.message);
  check_task_kind(decoded.message);
  if (header.payload_bytes == 0) return decoded;
  // The body says what the numbers of an outcome are.
  check_payload(kind_name(header.kind), frames[2], header.payload_bytes, payload_of(decoded.message).number_bytes);
  *field.payload = frames[2];
  return decoded;
}

}  // namespace archleak::wire
