// What is no message, too long, of another version, or lost with its connection.
#include <atomic>
#include <thread>

#include "core/error.h"
#include "tests/wire/transport_fixture.h"

namespace archleak::wire {
namespace {

using namespace std::chrono_literals;
using namespace test;
using testing::HasSubstr;

class TransportFaults : public TransportFixture {};

TEST_P(TransportFaults, WhatIsNoMessageIsRefusedWithAReasonAndCounted) {
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

TEST_P(TransportFaults, AWorkerRefusesWhatIsNoMessageToo) {
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

TEST_P(TransportFaults, AWorkerOfAnotherVersionIsToldSo) {
  CoordinatorSocket coordinator(context_, address());
  zmq::socket_t worker = raw_worker(coordinator);
  auto frames = raw(encode(Hello{}, 0));
  frames[0][4] = kProtocolVersion + 1;
  send_raw(worker, frames);
  const Received received = expect_something(coordinator);
  EXPECT_EQ(received.rejection, Rejection::other_version);
  EXPECT_EQ(received.reason, "expected protocol version 4, got 5");
  ASSERT_TRUE(coordinator.send(received.peer, 1, Refuse{.reason = received.reason}));
  std::vector<zmq::message_t> answer;
  ASSERT_TRUE(zmq::recv_multipart(worker, std::back_inserter(answer)));
  std::vector<Frame> answer_frames;
  for (auto& part : answer) answer_frames.push_back(Payload::receive(std::move(part)));
  EXPECT_EQ(decode(answer_frames).message, Message(Refuse{.reason = "expected protocol version 4, got 5"}));
}

TEST_P(TransportFaults, AWorkerThatReconnectsTakesOverItsName) {
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

TEST_P(TransportFaults, AWorkerFindsACoordinatorThatComesBack) {
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

TEST_P(TransportFaults, AWorkerIsToldOfALostConnectionAfterWhatCameBefore) {
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

TEST_P(TransportFaults, AMessageBeyondTheLimitsIsNotSent) {
  const Limits limits{.max_payload_bytes = 1000};
  CoordinatorSocket coordinator(context_, address(), {}, limits);
  WorkerSocket worker = this->worker(coordinator, "worker 1", limits);
  EXPECT_THROW(worker.send(1, Outcome{.update = Payload::own(std::vector<float>(251))}), ProtocolError);
  EXPECT_TRUE(worker.send(1, Outcome{.update = Payload::own(std::vector<float>(250))}));
  expect_something(coordinator);
}

TEST_P(TransportFaults, AMessageBeyondTheReceiversLimitsNeverArrivesAsOne) {
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
INSTANTIATE_TEST_SUITE_P(Over, TransportFaults, testing::Values("inproc", "ipc", "tcp"),
                         [](const auto& info) { return std::string(info.param); });

}  // namespace
}  // namespace archleak::wire
