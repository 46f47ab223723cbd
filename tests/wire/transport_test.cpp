#include "wire/transport.h"

#include <pthread.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <thread>

#include "core/error.h"
#include "tests/wire/samples.h"
#include "tests/wire/transport_fixture.h"

namespace archleak::wire {
namespace {

using namespace std::chrono_literals;
using namespace test;
using testing::HasSubstr;

class Transport : public TransportFixture {};

TEST_P(Transport, CarriesEveryMessageBothWaysAndCountsItsBytes) {
  CoordinatorSocket coordinator(context_, address());
  WorkerSocket worker = this->worker(coordinator, "worker 1");
  TrafficCount expected;
  for (const auto& message : test::sample_messages()) {
    ASSERT_TRUE(worker.send(41, message));
    const Received up = expect_something(coordinator);
    ASSERT_TRUE(up.message) << up.reason;
    EXPECT_EQ(*up.message, message);
    EXPECT_EQ(up.epoch, 41);
    EXPECT_EQ(up.peer, "worker 1");
    ASSERT_TRUE(coordinator.send(up.peer, 42, message));
    const Received down = expect_something(worker);
    ASSERT_TRUE(down.message) << down.reason;
    EXPECT_EQ(*down.message, message);
    EXPECT_EQ(down.epoch, 42);
    expected.add(kind_of(message), bytes_of(message));
  }
  for (uint16_t kind = 0; kind <= kMessageKinds; ++kind) {
    EXPECT_EQ(worker.sent().of(kind), expected.of(kind)) << kind_name(kind);
    EXPECT_EQ(worker.received().of(kind), expected.of(kind)) << kind_name(kind);
    EXPECT_EQ(coordinator.sent().of(kind), expected.of(kind)) << kind_name(kind);
    EXPECT_EQ(coordinator.received().of(kind), expected.of(kind)) << kind_name(kind);
  }
  EXPECT_EQ(coordinator.sent().total(), expected.total());
}

TEST_P(Transport, CarriesALargePayloadUnchangedAndLetsGoOfIt) {
  CoordinatorSocket coordinator(context_, address());
  WorkerSocket worker = this->worker(coordinator, "worker 1");
  ASSERT_TRUE(worker.send(1, Hello{}));
  const std::string peer = expect_something(coordinator).peer;
  auto values = std::make_shared<std::vector<float>>(4 << 20);
  for (size_t i = 0; i < values->size(); ++i) (*values)[i] = static_cast<float>(i) * 0.25f;
  const std::weak_ptr<const std::vector<float>> alive = values;
  ASSERT_TRUE(coordinator.send(peer, 1, Model{.round = 1, .values = Payload::share(std::move(values))}));
  {
    const Received received = expect_something(worker);
    ASSERT_TRUE(received.message);
    const auto got = std::get<Model>(*received.message).values.floats();
    ASSERT_EQ(got.size(), 4 << 20);
    for (size_t i = 0; i < got.size(); ++i) ASSERT_EQ(got[i], static_cast<float>(i) * 0.25f);
    if (is("inproc")) {
      EXPECT_EQ(got.data(), alive.lock()->data());  // not one copy in between
    }
  }
  const auto end = std::chrono::steady_clock::now() + kPatience;
  while (!alive.expired() && std::chrono::steady_clock::now() < end) std::this_thread::sleep_for(1ms);
  EXPECT_TRUE(alive.expired());
}

TEST_P(Transport, TellsTwoWorkersApart) {
  CoordinatorSocket coordinator(context_, address());
  WorkerSocket first = worker(coordinator, "first");
  WorkerSocket second = worker(coordinator, "second");
  ASSERT_TRUE(first.send(1, Hello{.worker = "first"}));
  ASSERT_TRUE(second.send(1, Hello{.worker = "second"}));
  for (int i = 0; i < 2; ++i) {
    const Received received = expect_something(coordinator);
    ASSERT_TRUE(received.message);
    const std::string name = std::get<Hello>(*received.message).worker;
    EXPECT_EQ(received.peer, name);
    ASSERT_TRUE(coordinator.send(received.peer, 1, Drain{.reason = name}));
  }
  EXPECT_EQ(expect_something(first).message, Message(Drain{.reason = "first"}));
  EXPECT_EQ(expect_something(second).message, Message(Drain{.reason = "second"}));
}

TEST_P(Transport, AWorkerWithoutANameCanBeAnswered) {
  CoordinatorSocket coordinator(context_, address());
  WorkerSocket worker = this->worker(coordinator, "");
  ASSERT_TRUE(worker.send(1, Heartbeat{.sequence = 3}));
  const Received received = expect_something(coordinator);
  EXPECT_FALSE(received.peer.empty());
  ASSERT_TRUE(coordinator.send(received.peer, 1, Heartbeat{.sequence = 3}));
  EXPECT_EQ(expect_something(worker).message, Message(Heartbeat{.sequence = 3}));
}

TEST_P(Transport, SendingToAnUnknownPeerIsAValue) {
  CoordinatorSocket coordinator(context_, address());
  EXPECT_FALSE(coordinator.send("nobody", 1, Heartbeat{}));
  EXPECT_EQ(coordinator.sent().total(), Traffic{});
}

TEST_P(Transport, AFullQueueIsAValueAndNothingThatWasSentIsLost) {
  CoordinatorSocket coordinator(context_, address());
  WorkerSocket worker = this->worker(coordinator, "slow");
  ASSERT_TRUE(worker.send(1, Hello{}));
  const std::string peer = expect_something(coordinator).peer;
  const Payload values = Payload::own(std::vector<float>(4096));
  int64_t sent = 0;
  while (sent < 50000 && coordinator.send(peer, 1, Model{.round = sent, .values = values})) ++sent;
  EXPECT_LT(sent, 50000);
  for (int64_t round = 0; round < sent; ++round) {
    const Received received = expect_something(worker);
    ASSERT_TRUE(received.message);
    ASSERT_EQ(std::get<Model>(*received.message).round, round);
  }
  EXPECT_FALSE(worker.receive(0ms));
}

TEST_P(Transport, NothingComesOnATimeout) {
  CoordinatorSocket coordinator(context_, address());
  WorkerSocket worker = this->worker(coordinator, "worker 1");
  EXPECT_FALSE(coordinator.receive(0ms));
  EXPECT_FALSE(worker.receive(5ms));
}

TEST_P(Transport, ADescriptorWakesTheReceiverAndMessagesGoFirst) {
  CoordinatorSocket coordinator(context_, address());
  WorkerSocket worker = this->worker(coordinator, "worker 1");
  const int descriptor = ::eventfd(0, EFD_CLOEXEC);
  ::eventfd_write(descriptor, 1);
  EXPECT_FALSE(coordinator.receive(-1ms, descriptor));
  EXPECT_FALSE(worker.receive(-1ms, descriptor));
  ASSERT_TRUE(worker.send(1, Hello{}));
  std::optional<Received> received;
  const auto end = std::chrono::steady_clock::now() + kPatience;
  while (!received && std::chrono::steady_clock::now() < end) received = coordinator.receive(-1ms, descriptor);
  EXPECT_TRUE(received);
  ::close(descriptor);
}

TEST_P(Transport, ASignalWakesTheReceiver) {
  CoordinatorSocket coordinator(context_, address());
  struct sigaction action {};
  struct sigaction before {};
  action.sa_handler = [](int) {};
  ::sigaction(SIGUSR1, &action, &before);
  std::atomic<bool> woken = false;
  const pthread_t receiver = ::pthread_self();
  std::thread nuisance([&] {
    while (!woken) {
      ::pthread_kill(receiver, SIGUSR1);
      std::this_thread::sleep_for(1ms);
    }
  });
  EXPECT_FALSE(coordinator.receive(-1ms));
  woken = true;
  nuisance.join();
  ::sigaction(SIGUSR1, &before, nullptr);
}
INSTANTIATE_TEST_SUITE_P(Over, Transport, testing::Values("inproc", "ipc", "tcp"),
                         [](const auto& info) { return std::string(info.param); });

TEST(CoordinatorSocketFile, IsRemovedWithTheSocketUnlessAnotherHasTakenItsPlace) {
  const archleak::test::TemporaryFolder folder;
  const std::string path = folder / "socket";
  zmq::context_t context;
  auto first = std::make_unique<CoordinatorSocket>(context, "ipc://" + path);
  EXPECT_TRUE(std::filesystem::exists(path));
  auto second = std::make_unique<CoordinatorSocket>(context, "ipc://" + path);
  first.reset();
  EXPECT_TRUE(std::filesystem::exists(path)) << "it is the second one's";
  second.reset();
  EXPECT_FALSE(std::filesystem::exists(path));
}
TEST(CoordinatorSocket, SaysWhyItCannotListen) {
  zmq::context_t context;
  const CoordinatorSocket first(context, "tcp://127.0.0.1:*");
  EXPECT_THAT(first.endpoint(), testing::MatchesRegex("tcp://127.0.0.1:[0-9]+"));
  EXPECT_THROW(CoordinatorSocket(context, first.endpoint()), TransportError);
  EXPECT_THROW(CoordinatorSocket(context, "nonsense"), TransportError);
  EXPECT_THROW(CoordinatorSocket(context, "ipc:///nowhere/at/all"), TransportError);
}

TEST(WorkerSocket, RefusesNamesAndAddressesThatCannotBe) {
  zmq::context_t context;
  EXPECT_THROW(WorkerSocket(context, std::string(256, 'x')), ConfigError);
  EXPECT_THROW(WorkerSocket(context, std::string("\0x", 2)), ConfigError);
  WorkerSocket worker(context, "worker 1");
  EXPECT_THROW(worker.receive(0ms), TransportError);
  EXPECT_THROW(worker.send(1, Hello{}), TransportError);
  EXPECT_THROW(worker.connect("nonsense"), TransportError);
  EXPECT_THROW(worker.connect("tcp://127.0.0.1:notaport"), TransportError);
}

}  // namespace
}  // namespace archleak::wire
