#include "wire/payload.h"

#include <gmock/gmock.h>

#include <cstring>
#include <zmq.hpp>

#include "core/error.h"

namespace archleak::wire {
namespace {

TEST(Payload, TakesOverAVectorWithoutCopyingIt) {
  std::vector<float> values(1000, 2.5f);
  const float* address = values.data();
  const Payload payload = Payload::own(std::move(values));
  EXPECT_EQ(payload.floats().data(), address);
  EXPECT_EQ(payload.bytes(), 4000);
  EXPECT_THAT(payload.floats(), testing::Each(2.5f));
}

TEST(Payload, CopiesShareTheirMemoryAndKeepItAlive) {
  auto values = std::make_shared<const std::vector<int64_t>>(std::vector<int64_t>{1, 2, 3});
  const std::weak_ptr<const std::vector<int64_t>> alive = values;
  Payload first = Payload::share(std::move(values));
  const Payload second = first;
  first = {};
  EXPECT_FALSE(alive.expired());
  EXPECT_THAT(second.integers(), testing::ElementsAre(1, 2, 3));
}

TEST(Payload, RefusesABytesCountThatIsNoMultipleOfTheNumbersSize) {
  const Payload payload = Payload::own(std::string("seven b"));
  EXPECT_THROW(payload.floats(), ProtocolError);
  EXPECT_THROW(payload.integers(), ProtocolError);
  EXPECT_THROW(Payload::own(std::vector<float>(3)).integers(), ProtocolError);
}

TEST(Payload, NoBytesAreNoNumbers) {
  EXPECT_TRUE(Payload().floats().empty());
  EXPECT_TRUE(Payload().integers().empty());
  EXPECT_TRUE(Payload::own(std::vector<float>()).empty());
  EXPECT_EQ(Payload(), Payload::own(std::vector<int64_t>()));
}

TEST(Payload, AFrameForSendingSharesTheMemoryUntilZeroMqIsDone) {
  auto values = std::make_shared<const std::vector<float>>(1000, 1.0f);
  const std::weak_ptr<const std::vector<float>> alive = values;
  {
    const zmq::message_t frame = Payload::share(std::move(values)).frame();
    EXPECT_EQ(frame.data(), alive.lock()->data());
    EXPECT_EQ(frame.size(), 4000);
  }
  EXPECT_TRUE(alive.expired());
}

TEST(Payload, AReceivedFrameIsNotCopied) {
  zmq::message_t frame(100000);
  const void* address = frame.data();
  const Payload payload = Payload::receive(std::move(frame));
  EXPECT_EQ(payload.data(), address);
  EXPECT_EQ(payload.floats().size(), 25000);
}

TEST(Payload, UnalignedBytesAreMovedToAnAlignedPlace) {
  const auto bytes = std::make_shared<std::string>(17, '\0');
  const double value = 0.1;
  std::memcpy(bytes->data() + 1, &value, sizeof(value));
  const Payload payload = Payload::share(bytes, bytes->data() + 1, 16);
  EXPECT_EQ(reinterpret_cast<uintptr_t>(payload.data()) % 8, 0);
  EXPECT_EQ(std::memcmp(payload.data(), bytes->data() + 1, 16), 0);
}

TEST(Payload, EqualMeansEqualBytes) {
  EXPECT_EQ(Payload::own(std::vector<float>{1, 2}), Payload::own(std::vector<float>{1, 2}));
  EXPECT_FALSE(Payload::own(std::vector<float>{1, 2}) == Payload::own(std::vector<float>{1, 3}));
  EXPECT_FALSE(Payload::own(std::vector<float>{1, 2}) == Payload::own(std::vector<float>{1}));
}

}  // namespace
}  // namespace archleak::wire
