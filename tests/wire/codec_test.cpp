#include "wire/codec.h"

#include <gmock/gmock.h>

#include <cmath>
#include <limits>

#include "core/random.h"
#include "tests/wire/allocation.h"
#include "tests/wire/samples.h"

namespace archleak::wire {
namespace {

using test::sample_messages;
using testing::HasSubstr;

std::string bytes_of(const Frame& frame) {
  return {reinterpret_cast<const char*>(frame.data()), frame.bytes()};
}

/// The frame with `change` done to its bytes.
template <typename Change>
Frame changed(const Frame& frame, Change change) {
  std::string bytes = bytes_of(frame);
  change(bytes);
  return Payload::own(std::move(bytes));
}

Frame with_number(const Frame& frame, size_t offset, uint64_t number, size_t size) {
  return changed(frame, [&](std::string& bytes) {
    for (size_t i = 0; i < size; ++i) bytes.at(offset + i) = static_cast<char>(number >> (8 * i));
  });
}

std::string error_of(const std::vector<Frame>& frames, const Limits& limits = {}) {
  try {
    decode(frames, limits);
  } catch (const ProtocolError& error) {
    return error.what();
  }
  return "no error";
}

/// Decodes what may be nonsense: a message that can be encoded again, or a ProtocolError, and nothing else.
bool survives(const std::vector<Frame>& frames, size_t& accepted) {
  size_t total = 0;
  for (const auto& frame : frames) total += frame.bytes();
  const test::LargestAllocation allocation;
  bool consistent = true;
  try {
    const Decoded decoded = decode(frames);
    ++accepted;
    consistent = decode(encode(decoded.message, decoded.epoch)).message.index() == decoded.message.index();
  } catch (const ProtocolError&) {
  }
  return consistent && allocation.bytes() <= 64 * total + 4096;
}

TEST(Codec, TheSamplesCoverEveryKind) {
  const auto samples = sample_messages();
  for (size_t kind = 0; kind < kMessageKinds; ++kind) EXPECT_EQ(samples.at(kind).index(), kind);
}

TEST(Codec, EveryMessageComesBackAsItWas) {
  uint64_t epoch = std::numeric_limits<uint64_t>::max();
  for (const auto& message : sample_messages()) {
    const auto frames = encode(message, epoch);
    const Decoded decoded = decode(frames);
    EXPECT_EQ(decoded.message, message) << kind_name(kind_of(message));
    EXPECT_EQ(decoded.epoch, epoch);
    --epoch;
  }
}

TEST(Codec, TheBytesAreThoseOfProtocolVersionFour) {
  const auto frames = encode(Model{.round = 258, .values = Payload::own(std::vector<float>{1.0f})}, 0x0102030405060708);
  ASSERT_EQ(frames.size(), 3);
  const std::string header("ALWP\x04\x00\x04\x00\x08\x07\x06\x05\x04\x03\x02\x01\x04\x00\x00\x00\x00\x00\x00\x00", 24);
  const std::string body("\x01\x02\x01\x00\x00\x00\x00\x00\x00", 9);
  EXPECT_EQ(bytes_of(frames[0]), header);
  EXPECT_EQ(bytes_of(frames[1]), body);
  EXPECT_EQ(bytes_of(frames[2]), std::string("\x00\x00\x80\x3f", 4));
}

TEST(Codec, ThePayloadFrameSharesTheMessagesMemory) {
  const Model model{.round = 1, .values = Payload::own(std::vector<float>(1000))};
  const auto frames = encode(model, 1);
  EXPECT_EQ(frames.at(2).data(), model.values.data());
  EXPECT_EQ(std::get<Model>(decode(frames).message).values.data(), model.values.data());
}

TEST(Codec, AMetricThatIsNotANumberTravels) {
  const auto decoded = decode(encode(Outcome{.metrics = {{"loss", std::nan("")}}}, 1));
  EXPECT_TRUE(std::isnan(std::get<Outcome>(decoded.message).metrics.at(0).value));
}

TEST(Codec, AnotherVersionIsNamedBesideOurs) {
  auto frames = encode(Hello{}, 1);
  frames[0] = with_number(frames[0], 4, 5, 2);
  EXPECT_EQ(error_of(frames), "expected protocol version 4, got 5");
  EXPECT_THROW(decode(frames), VersionError);
  frames[0] = changed(frames[0], [](std::string& bytes) { bytes += "a longer header"; });
  EXPECT_THROW(decode(frames), VersionError);
}

TEST(Codec, RefusesAWrongHeader) {
  const auto frames = encode(Hello{}, 1);
  EXPECT_THAT(error_of({changed(frames[0], [](std::string& b) { b[0] = 'X'; }), frames[1]}), HasSubstr("magic"));
  EXPECT_THAT(error_of({with_number(frames[0], 6, 0, 2), frames[1]}), HasSubstr("expected a kind from 1 to 13, got 0"));
  EXPECT_THAT(error_of({with_number(frames[0], 6, 14, 2), frames[1]}), HasSubstr("got 14"));
  EXPECT_THAT(error_of({changed(frames[0], [](std::string& b) { b += 'x'; }), frames[1]}),
              HasSubstr("expected 24 bytes, got 25"));
  EXPECT_THAT(error_of({}), HasSubstr("got none"));
}

TEST(Codec, RefusesMissingAndExtraFrames) {
  const auto flush = encode(Flush{.round = 1}, 1);
  const auto model = encode(Model{.round = 1, .values = Payload::own(std::vector<float>{1})}, 1);
  EXPECT_THAT(error_of({flush[0]}), HasSubstr("expected 2 frames, got 1"));
  EXPECT_THAT(error_of({flush[0], flush[1], model[2]}), HasSubstr("expected 2 frames, got 3"));
  EXPECT_THAT(error_of({model[0], model[1]}), HasSubstr("expected 3 frames, got 2"));
  EXPECT_THAT(error_of({model[0], model[1], model[2], Frame()}), HasSubstr("got 4"));
  EXPECT_THAT(error_of({with_number(flush[0], 16, 4, 8), flush[1], model[2]}), HasSubstr("flush: expected no payload"));
}

TEST(Codec, RefusesAPayloadOfAnotherLength) {
  const auto frames = encode(Model{.round = 1, .values = Payload::own(std::vector<float>{1, 2})}, 1);
  EXPECT_THAT(error_of({frames[0], frames[1], Payload::own(std::vector<float>{1})}),
              HasSubstr("expected a payload of 8 bytes, a multiple of 4, got 4"));
  EXPECT_THAT(error_of({with_number(frames[0], 16, 7, 8), frames[1], Payload::own(std::string("7 bytes"))}),
              HasSubstr("a multiple of 4"));
  const auto sum = encode(PartialSum{.sums = Payload::own(std::vector<int64_t>{1})}, 1);
  EXPECT_THAT(error_of({with_number(sum[0], 16, 12, 8), sum[1], Payload::own(std::vector<float>(3))}),
              HasSubstr("a multiple of 8"));
}

TEST(Codec, RefusesABodyThatIsTooShortOrTooLong) {
  for (const auto& message : sample_messages()) {
    auto frames = encode(message, 1);
    const Frame whole = frames[1];
    for (size_t size = 0; size < whole.bytes(); ++size) {
      frames[1] = Payload::own(bytes_of(whole).substr(0, size));
      ASSERT_NE(error_of(frames), "no error") << kind_name(kind_of(message)) << " cut to " << size;
    }
    frames[1] = changed(whole, [](std::string& bytes) { bytes += '\0'; });
    EXPECT_THAT(error_of(frames), HasSubstr("expected the body to end, got 1 more bytes"));
  }
}

TEST(Codec, RefusesEveryTruncatedFrame) {
  for (const auto& message : sample_messages()) {
    const auto whole = encode(message, 1);
    for (size_t cut = 0; cut < whole.size(); ++cut) {
      for (size_t size = 0; size < whole[cut].bytes(); ++size) {
        auto frames = whole;
        frames[cut] = Payload::own(bytes_of(whole[cut]).substr(0, size));
        ASSERT_NE(error_of(frames), "no error") << kind_name(kind_of(message)) << " frame " << cut << " at " << size;
      }
    }
  }
}

TEST(Codec, RefusesAHugeLengthBeforeTakingTheMemory) {
  const auto text = encode(Refuse{.reason = "no"}, 1);             // endianness byte, length, characters, flag
  const auto list = encode(PartialSum{.tasks = {1, 2, 3}}, 1);     // endianness byte, round, length, tasks
  const auto metrics = encode(Outcome{.metrics = {{"a", 1}}}, 1);  // endianness byte, 37 bytes of numbers, length
  for (const uint64_t length : {uint64_t{1} << 20, uint64_t{1} << 40, ~uint64_t{0}, uint64_t{1} << 61, uint64_t{200}}) {
    const test::LargestAllocation allocation;
    EXPECT_THAT(error_of({text[0], with_number(text[1], 1, length, 8)}), HasSubstr("text of length at most 3"));
    EXPECT_THAT(error_of({list[0], with_number(list[1], 9, length, 8)}), HasSubstr("list of length at most 44"));
    EXPECT_THAT(error_of({metrics[0], with_number(metrics[1], 38, length, 8)}), HasSubstr("list of length at most"));
    EXPECT_LT(allocation.bytes(), 4096);
  }
}

TEST(Codec, RefusesWhatIsBeyondTheLimits) {
  const Message outcome = Outcome{.metrics = {{"a", 1}, {"b", 2}}, .update = Payload::own(std::vector<float>(10))};
  const auto frames = encode(outcome, 1);
  EXPECT_THAT(error_of(frames, {.max_payload_bytes = 39}), HasSubstr("payload: expected at most 39 bytes, got 40"));
  EXPECT_THAT(error_of(frames, {.max_text_bytes = frames[1].bytes() - 1}), HasSubstr("body: expected at most"));
  EXPECT_THAT(error_of(frames, {.max_items = 1}), HasSubstr("list of length at most 1, got 2"));
  const Limits enough{.max_payload_bytes = 40, .max_text_bytes = frames[1].bytes(), .max_items = 2};
  EXPECT_EQ(decode(frames, enough).message, outcome);
  EXPECT_NO_THROW(encode(outcome, 1, enough));
}

TEST(Codec, DoesNotEncodeWhatTheReceiverWouldRefuse) {
  const Message outcome = Outcome{.metrics = {{"a", 1}, {"b", 2}}, .update = Payload::own(std::vector<float>(10))};
  EXPECT_THROW(encode(outcome, 1, {.max_payload_bytes = 39}), ProtocolError);
  EXPECT_THROW(encode(outcome, 1, {.max_text_bytes = 10}), ProtocolError);
  EXPECT_THROW(encode(outcome, 1, {.max_items = 1}), ProtocolError);
  EXPECT_THROW(encode(Model{.values = Payload::own(std::string("seven b"))}, 1, Limits{}), ProtocolError);
  EXPECT_THROW(encode(Task{.kind = static_cast<TaskKind>(5)}, 1, Limits{}), ProtocolError);
  EXPECT_THROW(encode(Outcome{.kind = static_cast<TaskKind>(5)}, 1, Limits{}), ProtocolError);
}

TEST(Codec, RefusesAnUnknownTaskKind) {
  const auto frames = encode(Task{}, 1);  // endianness byte, task, attempt, round, kind
  EXPECT_EQ(error_of({frames[0], with_number(frames[1], 21, 5, 1)}), "task: expected a kind from 0 to 4, got 5");
}

TEST(Codec, AMaskedUpdateIsOfWholeInt64) {
  const Outcome masked{.masked = true, .update = Payload::own(std::vector<int64_t>{1, -1})};
  auto frames = encode(masked, 1);
  EXPECT_TRUE(std::get<Outcome>(decode(frames).message).masked);
  frames[0] = with_number(frames[0], 16, 12, 8);
  frames[2] = Payload::own(std::vector<float>(3));
  EXPECT_THAT(error_of(frames), HasSubstr("a payload of 12 bytes, a multiple of 8"));
  frames[1] = changed(frames[1], [](std::string& bytes) { bytes.back() = 2; });
  EXPECT_THAT(error_of(frames), HasSubstr("expected 0 or 1 for masked, got 2"));
  EXPECT_THROW(encode(Outcome{.masked = true, .update = Payload::own(std::vector<float>(3))}, 1, Limits{}),
               ProtocolError);
}

TEST(Codec, RefusesABigEndianBody) {
  const auto frames = encode(Flush{.round = 1}, 1);
  EXPECT_THAT(error_of({frames[0], with_number(frames[1], 0, 0, 1)}), HasSubstr("little-endian"));
}

TEST(Codec, SurvivesRandomBytes) {
  RandomEngine engine = make_engine({.seed = 1, .purpose = "random frames"});
  size_t accepted = 0;
  for (int i = 0; i < 5000; ++i) {
    std::vector<Frame> frames(static_cast<size_t>(uniform_index(5, engine)));
    for (auto& frame : frames) {
      std::string bytes(static_cast<size_t>(uniform_index(200, engine)), '\0');
      for (auto& byte : bytes) byte = static_cast<char>(engine());
      frame = Payload::own(std::move(bytes));
    }
    ASSERT_TRUE(survives(frames, accepted)) << "case " << i;
  }
  EXPECT_EQ(accepted, 0);
}

TEST(Codec, SurvivesMutationsOfEveryMessage) {
  RandomEngine engine = make_engine({.seed = 1, .purpose = "mutations"});
  size_t accepted = 0;
  size_t cases = 0;
  for (const auto& message : sample_messages()) {
    const auto whole = encode(message, 1);
    for (int i = 0; i < 2000; ++i, ++cases) {
      auto frames = whole;
      const auto which = static_cast<size_t>(uniform_index(std::ssize(frames), engine));
      frames[which] = changed(frames[which], [&engine](std::string& bytes) {
        for (int64_t flips = 1 + uniform_index(4, engine); flips > 0 && !bytes.empty(); --flips) {
          const auto at = static_cast<size_t>(uniform_index(std::ssize(bytes), engine));
          switch (uniform_index(4, engine)) {
            case 0:
              bytes[at] = static_cast<char>(bytes[at] ^ (1 << uniform_index(8, engine)));
              break;
            case 1:
              bytes[at] = static_cast<char>(0xff);
              break;
            case 2:
              bytes.erase(at, 1);
              break;
            default:
              bytes.insert(at, 1, static_cast<char>(engine()));
          }
        }
      });
      ASSERT_TRUE(survives(frames, accepted)) << kind_name(kind_of(message)) << " case " << i;
    }
  }
  EXPECT_GT(accepted, 0);  // a changed number or character is still a message
  EXPECT_LT(accepted, cases);
}

}  // namespace
}  // namespace archleak::wire
