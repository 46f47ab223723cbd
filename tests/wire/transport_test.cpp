#include "wire/transport.h"

#include <gmock/gmock.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <thread>
#include <zmq_addon.hpp>

#include "core/error.h"
#include "tests/support/paths.h"
#include "tests/wire/samples.h"

namespace archleak::wire {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

constexpr auto kPatience = 20s;  // only ever waited for by a test that fails

/// A coordinator at an address of one of the three kinds, and workers that know it.
class Transport : public testing::TestWithParam<const char*> {
 protected:
  std::string address() const {
    const std::string kind = GetParam();
    if (kind == "inproc") return "inproc://coordinator";
    if (kind == "ipc") return "ipc://" + (folder_ / "socket").string();
    return "tcp://127.0.0.1:*";
  }
  bool is(const std::string& kind) const { return kind == GetParam(); }

  WorkerSocket worker(const CoordinatorSocket& coordinator, const std::string& name, const Limits& limits = {}) {
    WorkerSocket socket(context_, name, {}, limits);
    socket.connect(coordinator.endpoint());
    return socket;
  }

  /// A worker that can send anything.
  zmq::socket_t raw_worker(const CoordinatorSocket& coordinator) {
    zmq::socket_t socket(context_, zmq::socket_type::dealer);
    socket.set(zmq::sockopt::linger, 0);
    socket.set(zmq::sockopt::rcvtimeo, 20000);
    socket.connect(coordinator.endpoint());
    return socket;
  }

  archleak::test::TemporaryFolder folder_;
  zmq::context_t context_;
};

template <typename Socket>
Received expect_something(Socket& socket) {
  auto received = socket.receive(kPatience);
  EXPECT_TRUE(received);
  return received.value_or(Received{});
}

uint64_t bytes_of(const Message& message) {
  uint64_t bytes = 0;
  for (const auto& frame : encode(message, 1)) bytes += frame.bytes();
  return bytes;
}

void send_raw(zmq::socket_t& socket, const std::vector<std::string>& frames) {
  std::vector<zmq::message_t> parts;
  for (const auto& frame : frames) parts.emplace_back(frame.data(), frame.size());
  zmq::send_multipart(socket, parts);
}

std::vector<std::string> raw(const std::vector<Frame>& frames) {
  std::vector<std::string> texts;
  for (const auto& frame : frames) texts.emplace_back(reinterpret_cast<const char*>(frame.data()), frame.bytes());
  return texts;
}

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

TEST_P(Transport, WhatIsNoMessageIsRefusedWithAReasonAndCounted) {
  CoordinatorSocket coordinator(context_, address());
  zmq::socket_t worker = raw_worker(coordinator);
  const auto good = raw(encode(Flush{.round = 1}, 1));
  const std::vector<std::vector<std::string>> bad = {
      {""},
      {"x"},
      {good[0]},
      {good[0], good[1], "more"},
      {"", good[0], good[1]},
      {good[0], good[1].substr(1)},
      {good[0].substr(0, 20), good[1]},
      std::vector<std::string>(100, "frame"),
      {good[0], std::string(100000, '\xff')},
  };
  uint64_t bytes = 0;
  for (const auto& frames : bad) {
    send_raw(worker, frames);
    const Received received = expect_something(coordinator);
    EXPECT_FALSE(received.message);
    EXPECT_EQ(received.rejection, Rejection::malformed);
    EXPECT_THAT(received.reason, HasSubstr("expected"));
    EXPECT_FALSE(received.peer.empty());
    for (const auto& frame : frames) bytes += frame.size();
  }
  EXPECT_EQ(coordinator.received().rejected(), (Traffic{.messages = bad.size(), .bytes = bytes}));
  EXPECT_EQ(coordinator.received().total(), Traffic{});
  send_raw(worker, good);
  EXPECT_EQ(expect_something(coordinator).message, Message(Flush{.round = 1}));
}

TEST_P(Transport, AWorkerRefusesWhatIsNoMessageToo) {
  zmq::socket_t coordinator(context_, zmq::socket_type::router);
  coordinator.set(zmq::sockopt::linger, 0);
  coordinator.set(zmq::sockopt::rcvtimeo, 20000);
  coordinator.bind(address());
  WorkerSocket worker(context_, "worker 1");
  worker.connect(coordinator.get(zmq::sockopt::last_endpoint));
  ASSERT_TRUE(worker.send(1, Hello{}));
  std::vector<zmq::message_t> hello;
  ASSERT_TRUE(zmq::recv_multipart(coordinator, std::back_inserter(hello)));
  send_raw(coordinator, {"worker 1", "garbage"});
  const Received received = expect_something(worker);
  EXPECT_EQ(received.rejection, Rejection::malformed);
  EXPECT_EQ(worker.received().rejected(), (Traffic{.messages = 1, .bytes = 7}));
}

TEST_P(Transport, AWorkerOfAnotherVersionIsToldSo) {
  CoordinatorSocket coordinator(context_, address());
  zmq::socket_t worker = raw_worker(coordinator);
  auto frames = raw(encode(Hello{}, 0));
  frames[0][4] = kProtocolVersion + 1;
  send_raw(worker, frames);
  const Received received = expect_something(coordinator);
  EXPECT_EQ(received.rejection, Rejection::other_version);
  EXPECT_EQ(received.reason, "expected protocol version 3, got 4");
  ASSERT_TRUE(coordinator.send(received.peer, 1, Refuse{.reason = received.reason}));
  std::vector<zmq::message_t> answer;
  ASSERT_TRUE(zmq::recv_multipart(worker, std::back_inserter(answer)));
  std::vector<Frame> answer_frames;
  for (auto& part : answer) answer_frames.push_back(Payload::receive(std::move(part)));
  EXPECT_EQ(decode(answer_frames).message, Message(Refuse{.reason = "expected protocol version 3, got 4"}));
}

TEST_P(Transport, AWorkerThatReconnectsTakesOverItsName) {
  CoordinatorSocket coordinator(context_, address());
  WorkerSocket worker = this->worker(coordinator, "worker 1");
  for (uint64_t i = 0; i < 5; ++i) {
    ASSERT_TRUE(worker.send(1, Heartbeat{.sequence = i}));
    const Received received = expect_something(coordinator);
    EXPECT_EQ(received.peer, "worker 1");
    EXPECT_EQ(received.message, Message(Heartbeat{.sequence = i}));
    ASSERT_TRUE(coordinator.send("worker 1", 1, Heartbeat{.sequence = i}));
    EXPECT_EQ(expect_something(worker).message, Message(Heartbeat{.sequence = i}));
    worker.reconnect();
  }
}

TEST_P(Transport, AWorkerFindsACoordinatorThatComesBack) {
  if (is("inproc")) GTEST_SKIP() << "a coordinator in the same process does not come back";
  std::optional<CoordinatorSocket> coordinator;
  coordinator.emplace(context_, address());
  const std::string endpoint = coordinator->endpoint();
  WorkerSocket worker = this->worker(*coordinator, "worker 1");
  ASSERT_TRUE(worker.send(1, Hello{}));
  expect_something(*coordinator);
  coordinator.reset();
  const auto end = std::chrono::steady_clock::now() + kPatience;
  while (!coordinator && std::chrono::steady_clock::now() < end) {
    try {
      coordinator.emplace(context_, endpoint);
    } catch (const TransportError&) {  // the old one gives the address back in the background
      std::this_thread::sleep_for(1ms);
    }
  }
  ASSERT_TRUE(coordinator);
  // What is sent while the loss goes unnoticed may be lost with it; a worker keeps sending heartbeats.
  std::optional<Received> received;
  for (uint64_t i = 0; !received && std::chrono::steady_clock::now() < end; ++i) {
    ASSERT_TRUE(worker.send(1, Heartbeat{.sequence = i}));
    received = coordinator->receive(20ms);
  }
  ASSERT_TRUE(received);
  EXPECT_EQ(received->peer, "worker 1");
}

TEST_P(Transport, AWorkerIsToldOfALostConnectionAfterWhatCameBefore) {
  if (is("inproc")) GTEST_SKIP() << "inside a process there is no connection to lose";
  std::optional<CoordinatorSocket> coordinator;
  coordinator.emplace(context_, address());
  WorkerSocket worker = this->worker(*coordinator, "worker 1");
  ASSERT_TRUE(worker.send(1, Hello{}));
  expect_something(*coordinator);
  ASSERT_TRUE(coordinator->send("worker 1", 1, Flush{.round = 3}));
  coordinator.reset();
  const auto first = worker.receive(kPatience);
  ASSERT_TRUE(first && first->message);
  const auto second = worker.receive(kPatience);
  ASSERT_TRUE(second);
  EXPECT_EQ(second->rejection, Rejection::lost);
}

TEST_P(Transport, AMessageBeyondTheLimitsIsNotSent) {
  const Limits limits{.max_payload_bytes = 1000};
  CoordinatorSocket coordinator(context_, address(), {}, limits);
  WorkerSocket worker = this->worker(coordinator, "worker 1", limits);
  EXPECT_THROW(worker.send(1, Outcome{.update = Payload::own(std::vector<float>(251))}), ProtocolError);
  EXPECT_TRUE(worker.send(1, Outcome{.update = Payload::own(std::vector<float>(250))}));
  expect_something(coordinator);
}

TEST_P(Transport, AMessageBeyondTheReceiversLimitsNeverArrivesAsOne) {
  CoordinatorSocket coordinator(context_, address(), {}, {.max_payload_bytes = 1000, .max_text_bytes = 1000});
  WorkerSocket excessive = worker(coordinator, "excessive");
  WorkerSocket modest = worker(coordinator, "modest");
  ASSERT_TRUE(excessive.send(1, Outcome{.update = Payload::own(std::vector<float>(100000))}));
  if (is("inproc")) {
    EXPECT_EQ(expect_something(coordinator).rejection, Rejection::malformed);
  }
  ASSERT_TRUE(modest.send(1, Hello{}));
  const Received received = expect_something(coordinator);
  EXPECT_EQ(received.peer, "modest");
  EXPECT_EQ(received.message, Message(Hello{}));
}

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

INSTANTIATE_TEST_SUITE_P(Over, Transport, testing::Values("inproc", "ipc", "tcp"),
                         [](const auto& info) { return std::string(info.param); });

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
