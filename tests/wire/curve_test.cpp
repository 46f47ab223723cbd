#include <gmock/gmock.h>
#include <spdlog/spdlog.h>

#include <chrono>

#include "core/error.h"
#include "wire/gatekeeper.h"
#include "wire/transport.h"

namespace archleak::wire {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

constexpr auto kPatience = 20s;

/// A coordinator with CURVE that lets one worker in.
class CurveTest : public testing::Test {
 protected:
  CurveTest() {
    spdlog::set_level(spdlog::level::off);
    keys_.own = new_key_pair();
    keys_.workers.allow(listed_.public_key);
    coordinator_.emplace(context_, "tcp://127.0.0.1:*", keys_);
  }
  ~CurveTest() override { spdlog::set_level(spdlog::level::warn); }

  WorkerSocket worker(const std::string& name, const std::optional<WorkerKeys>& keys) {
    WorkerSocket socket(context_, name, keys);
    socket.connect(coordinator_->endpoint());
    EXPECT_TRUE(socket.send(1, Hello{.worker = name}));
    return socket;
  }

  /// The listed worker's message is the first that arrives: nothing of another worker came in before.
  void expect_only_the_listed_worker() {
    WorkerSocket good = worker("good", WorkerKeys{listed_, keys_.own.public_key});
    const auto received = coordinator_->receive(kPatience);
    ASSERT_TRUE(received);
    EXPECT_EQ(received->message, Message(Hello{.worker = "good"}));
    EXPECT_TRUE(coordinator_->send(received->peer, 1, Drain{}));
    const auto answer = good.receive(kPatience);
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->message, Message(Drain{}));
    EXPECT_FALSE(coordinator_->receive(0ms));
  }

  std::string refusal(WorkerSocket& socket) {
    const auto received = socket.receive(kPatience);
    EXPECT_TRUE(received && received->rejection == Rejection::refused);
    return received ? received->reason : "";
  }

  zmq::context_t context_;
  KeyPair listed_ = new_key_pair();
  CoordinatorKeys keys_;
  std::optional<CoordinatorSocket> coordinator_;
};

TEST_F(CurveTest, LetsAListedWorkerIn) {
  expect_only_the_listed_worker();
}

TEST_F(CurveTest, RefusesAnUnknownKeyAndTheWorkerLearnsOfIt) {
  const KeyPair unknown = new_key_pair();
  WorkerSocket stranger = worker("stranger", WorkerKeys{unknown, keys_.own.public_key});
  const std::string reason = refusal(stranger);
  EXPECT_THAT(reason, HasSubstr("the coordinator refused our key"));
  EXPECT_THAT(reason, HasSubstr(unknown.public_key));
  EXPECT_THAT(reason, HasSubstr(coordinator_->endpoint()));
  expect_only_the_listed_worker();
}

TEST_F(CurveTest, RefusesAWorkerWithoutCurve) {
  WorkerSocket plain = worker("plain", std::nullopt);
  EXPECT_THAT(refusal(plain), HasSubstr("both sides with CURVE or both without"));
  expect_only_the_listed_worker();
}

TEST_F(CurveTest, AWorkerThatExpectsAnotherCoordinatorLearnsOfIt) {
  WorkerSocket astray = worker("astray", WorkerKeys{listed_, new_key_pair().public_key});
  EXPECT_THAT(refusal(astray), HasSubstr("expected its public key to be ours"));
  expect_only_the_listed_worker();
}

TEST_F(CurveTest, AWorkerWithCurveDoesNotTalkToACoordinatorWithout) {
  CoordinatorSocket plain(context_, "tcp://127.0.0.1:*");
  WorkerSocket worker(context_, "worker", WorkerKeys{listed_, keys_.own.public_key});
  worker.connect(plain.endpoint());
  EXPECT_THAT(refusal(worker), HasSubstr("both sides with CURVE or both without"));
}

TEST_F(CurveTest, ARefusalIsReportedOnce) {
  WorkerSocket stranger = worker("stranger", WorkerKeys{new_key_pair(), keys_.own.public_key});
  refusal(stranger);
  EXPECT_FALSE(stranger.receive(300ms));  // three more handshakes fail in the meantime
  stranger.reconnect();
  EXPECT_THAT(refusal(stranger), HasSubstr("refused our key"));
}

TEST_F(CurveTest, AContextHasOneGatekeeperAtATime) {
  EXPECT_THROW(CoordinatorSocket(context_, "tcp://127.0.0.1:*", keys_), TransportError);
  for (int i = 0; i < 20; ++i) {
    coordinator_.reset();
    coordinator_.emplace(context_, "tcp://127.0.0.1:*", keys_);
  }
  expect_only_the_listed_worker();
}

TEST(Gatekeeper, EndsWithItsContextAlive) {
  zmq::context_t context;
  for (int i = 0; i < 20; ++i) const Gatekeeper gatekeeper(context, KeyRing());
}

TEST(Gatekeeper, AnswersEveryQuestionThatIsNotAboutAListedCurveKeyWithNo) {
  spdlog::set_level(spdlog::level::off);
  zmq::context_t context;
  const KeyPair pair = new_key_pair();
  KeyRing ring;
  ring.allow(pair.public_key);
  const Gatekeeper gatekeeper(context, ring);
  std::string key(32, '\0');
  zmq_z85_decode(reinterpret_cast<uint8_t*>(key.data()), pair.public_key.c_str());
  const auto ask = [&](const std::vector<std::string>& frames) {
    zmq::socket_t socket(context, zmq::socket_type::req);
    socket.set(zmq::sockopt::linger, 0);
    socket.set(zmq::sockopt::rcvtimeo, 20000);
    socket.connect("inproc://zeromq.zap.01");
    for (size_t i = 0; i < frames.size(); ++i) {
      socket.send(zmq::buffer(frames[i]), i + 1 < frames.size() ? zmq::send_flags::sndmore : zmq::send_flags::none);
    }
    std::vector<std::string> answer;
    zmq::message_t part;
    do {
      if (!socket.recv(part)) break;
      answer.push_back(part.to_string());
    } while (part.more());
    return answer.size() == 6 ? answer[2] : "no answer";
  };
  EXPECT_EQ(ask({"1.0", "1", "", "10.0.0.7", "", "CURVE", key}), "200");
  EXPECT_EQ(ask({"1.0", "1", "", "10.0.0.7", "", "CURVE", std::string(32, 'x')}), "400");
  EXPECT_EQ(ask({"1.0", "1", "", "10.0.0.7", "", "CURVE", key.substr(1)}), "400");
  EXPECT_EQ(ask({"1.0", "1", "", "10.0.0.7", "", "NULL"}), "400");
  EXPECT_EQ(ask({"1.0", "1", "", "10.0.0.7", "", "PLAIN", "user", "password"}), "400");
  EXPECT_EQ(ask({"1.0", "1", "", "10.0.0.7", "", "CURVE", key, "more"}), "400");
  EXPECT_EQ(ask({"garbage"}), "400");
  spdlog::set_level(spdlog::level::warn);
}

}  // namespace
}  // namespace archleak::wire
