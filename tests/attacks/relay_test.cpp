#include "attacks/eavesdropper/relay.h"

#include <gmock/gmock.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <unistd.h>
#include <cerrno>

#include <future>
#include <set>
#include <thread>

#include "attacks/eavesdropper/tap.h"
#include "core/error.h"
#include "core/random.h"
#include "tests/support/paths.h"
#include "wire/capture_messages.h"
#include "wire/transport.h"

namespace archleak::attacks {
namespace {

using namespace std::chrono_literals;
using wire::Direction;

constexpr int kPatienceMs = 60000;
constexpr auto kPatience = std::chrono::milliseconds(kPatienceMs);

std::string random_bytes(size_t size) {
  RandomEngine engine = make_engine({.seed = 1, .purpose = "relayed bytes"});
  std::string bytes;
  while (bytes.size() < size) {
    const auto number = engine();
    bytes.append(reinterpret_cast<const char*>(&number), sizeof number);
  }
  return bytes;
}

bool ready(int socket, short events, int timeout_ms = kPatienceMs) {
  pollfd entry{.fd = socket, .events = events, .revents = 0};
  return ::poll(&entry, 1, timeout_ms) == 1;
}

void send_all(int socket, std::string_view bytes) {
  while (!bytes.empty() && ready(socket, POLLOUT)) {
    const ssize_t count = ::send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (count < 0 && errno != EAGAIN && errno != EINTR) break;
    if (count > 0) bytes.remove_prefix(static_cast<size_t>(count));
  }
  EXPECT_TRUE(bytes.empty());
}

/// Everything up to the end of the stream.
std::string receive_all(int socket) {
  std::string all;
  std::string block(1 << 16, '\0');
  while (ready(socket, POLLIN)) {
    const ssize_t count = ::recv(socket, block.data(), block.size(), 0);
    if (count < 0 && (errno == EAGAIN || errno == EINTR)) continue;
    if (count <= 0) return all;
    all.append(block, 0, static_cast<size_t>(count));
  }
  return all + " and then nothing came";
}

/// A listening socket in the coordinator's place, and a tap in front of it that runs in a thread.
class TapTest : public testing::TestWithParam<const char*> {
 protected:
  TapTest() : coordinator_(listen_at(address("coordinator"))) {}
  ~TapTest() override { stop(); }

  std::string address(const std::string& name) const {
    return std::string(GetParam()) == "tcp" ? "tcp://127.0.0.1:*" : "ipc://" + (folder_ / name).string();
  }

  void start(const std::string& connect) {
    tap_.emplace(TapPlace{.listen = address("tap"), .connect = connect, .capture = capture_, .program_version = "1"},
                 64);
    thread_ = std::thread([this] { end_ = tap_->run(stop_, wake_); });
  }

  TapEnd stop() {
    if (thread_.joinable()) {
      ::eventfd_write(wake_, 1);
      thread_.join();
      tap_.reset();
    }
    return end_;
  }

  Descriptor accept() {
    EXPECT_TRUE(ready(coordinator_.socket.get(), POLLIN));
    return Descriptor(::accept4(coordinator_.socket.get(), nullptr, nullptr, SOCK_NONBLOCK));
  }

  /// The recorded bytes of a direction.
  std::string recorded(Direction direction) const {
    std::string bytes;
    const wire::CaptureReader reader(capture_);
    for (const auto& block : reader.blocks()) {
      if (block.header.type == wire::BlockType::data && block.header.direction == direction) {
        bytes += reader.content(block);
      }
    }
    return bytes;
  }

  archleak::test::TemporaryFolder folder_;
  const std::filesystem::path capture_ = folder_ / "a.alcap";
  Listener coordinator_;
  std::optional<Tap> tap_;
  std::atomic<bool> stop_{false};
  int wake_ = ::eventfd(0, EFD_CLOEXEC);
  std::thread thread_;
  TapEnd end_;
};

TEST_P(TapTest, BytesGoThroughAsTheyAreAndAreRecorded) {
  start(coordinator_.url);
  Descriptor worker = begin_connect(tap_->url());
  ASSERT_TRUE(ready(worker.get(), POLLOUT));
  Descriptor server = accept();
  const std::string up = random_bytes(2000000);
  const std::string down = random_bytes(1000000);
  auto sent_up = std::async(std::launch::async, [&] {
    send_all(worker.get(), up);
    ::shutdown(worker.get(), SHUT_WR);
  });
  auto sent_down = std::async(std::launch::async, [&] { send_all(server.get(), down); });
  auto came_up = std::async(std::launch::async, [&] { return receive_all(server.get()); });
  auto came_down = std::async(std::launch::async, [&] { return receive_all(worker.get()); });
  EXPECT_TRUE(came_up.get() == up);  // and its end, while the other direction is still open
  sent_down.get();
  ::shutdown(server.get(), SHUT_WR);
  EXPECT_TRUE(came_down.get() == down);
  const TapEnd end = stop();
  EXPECT_EQ(end.relayed.up, up.size());
  EXPECT_EQ(end.relayed.down, down.size());
  EXPECT_EQ(end.recorded.recorded, up.size() + down.size());
  EXPECT_EQ(end.recorded.lost, 0u);
  EXPECT_TRUE(recorded(Direction::up) == up);
  EXPECT_TRUE(recorded(Direction::down) == down);
}

TEST_P(TapTest, AReaderThatIsSlowHoldsTheSenderBackAndLosesNothing) {
  start(coordinator_.url);
  Descriptor worker = begin_connect(tap_->url());
  ASSERT_TRUE(ready(worker.get(), POLLOUT));
  Descriptor server = accept();
  const std::string block = random_bytes(1 << 16);
  constexpr size_t kMost = 256 << 20;
  std::string sent;
  while (sent.size() < kMost && ready(worker.get(), POLLOUT, 500)) {
    const ssize_t count = ::send(worker.get(), block.data(), block.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (count > 0) sent.append(block, 0, static_cast<size_t>(count));
  }
  EXPECT_LT(sent.size(), kMost);
  ::shutdown(worker.get(), SHUT_WR);
  EXPECT_TRUE(receive_all(server.get()) == sent);
}

/// Over tcp, with or without a relay, a reset takes with it what the worker's side still held.
class IpcTapTest : public TapTest {};

TEST_P(IpcTapTest, WhatAWorkerSentBeforeItLeftArrivesThoughNobodyTakesTheAnswer) {
  start(coordinator_.url);
  Descriptor worker = begin_connect(tap_->url());
  ASSERT_TRUE(ready(worker.get(), POLLOUT));
  Descriptor server = accept();
  const std::string block = random_bytes(1 << 16);
  std::string sent;
  while (sent.size() < (4 << 20) && ready(worker.get(), POLLOUT, 200)) {  // more than the relay passes on at once
    const ssize_t count = ::send(worker.get(), block.data(), block.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (count > 0) sent.append(block, 0, static_cast<size_t>(count));
  }
  worker.reset();
  for (int i = 0; i < 3; ++i) {
    send_all(server.get(), "answer");
    std::this_thread::sleep_for(10ms);
  }
  EXPECT_TRUE(receive_all(server.get()) == sent);
}

TEST_P(TapTest, AConnectionThatBreaksIsBrokenOnBothSides) {
  start(coordinator_.url);
  Descriptor worker = begin_connect(tap_->url());
  ASSERT_TRUE(ready(worker.get(), POLLOUT));
  send_all(worker.get(), "abc");
  {
    Descriptor server = accept();
    ASSERT_TRUE(ready(server.get(), POLLIN));  // and closed with bytes unread
  }
  EXPECT_EQ(receive_all(worker.get()), "");
}

TEST_P(TapTest, MessagesPassAndAreReadBackWithTheWorkersName) {
  zmq::context_t context;
  wire::CoordinatorSocket server(context, address("zmq"));
  start(server.endpoint());
  wire::WorkerSocket worker(context, "worker 1");
  worker.connect(tap_->url());
  const wire::Outcome outcome{
      .round = 2, .client = 7, .weight = 30, .update = wire::Payload::own(std::vector<float>(100000, 0.25f))};
  const wire::Model model{.round = 3, .values = wire::Payload::own(std::vector<float>{1, 2})};
  ASSERT_TRUE(worker.send(5, outcome));
  const auto received = server.receive(kPatience);
  ASSERT_TRUE(received && received->message == wire::Message(outcome));
  ASSERT_TRUE(server.send(received->peer, 5, model));
  const auto answer = worker.receive(kPatience);
  ASSERT_TRUE(answer && answer->message == wire::Message(model));
  stop();
  const wire::CaptureReader reader(capture_);
  wire::CaptureMessages units(reader);
  std::vector<wire::Message> messages;
  while (const auto unit = units.next()) {
    EXPECT_NE(unit->name(), "unreadable") << unit->note;
    if (!unit->message) continue;
    EXPECT_EQ(unit->worker, "worker 1");
    EXPECT_EQ(unit->epoch, 5u);
    messages.push_back(*unit->message);
  }
  EXPECT_EQ(messages, (std::vector<wire::Message>{outcome, model}));
}

TEST_P(TapTest, UnderCurveThereAreSizesOnly) {
  zmq::context_t context;
  const wire::KeyPair own = wire::new_key_pair();
  wire::CoordinatorKeys keys{.own = wire::new_key_pair(), .workers = {}};
  keys.workers.allow(own.public_key);
  wire::CoordinatorSocket server(context, address("zmq"), keys);
  start(server.endpoint());
  wire::WorkerSocket worker(context, "worker 1", wire::WorkerKeys{own, keys.own.public_key});
  worker.connect(tap_->url());
  const wire::Outcome outcome{.update = wire::Payload::own(std::vector<float>(10000, 0.25f))};
  ASSERT_TRUE(worker.send(5, outcome));
  ASSERT_TRUE(server.receive(kPatience));
  stop();
  const wire::CaptureReader reader(capture_);
  wire::CaptureMessages units(reader);
  std::vector<uint64_t> sizes;
  std::set<std::string> handshake;
  while (const auto unit = units.next()) {
    EXPECT_FALSE(unit->message);
    EXPECT_NE(unit->name(), "unreadable") << unit->note;
    if (unit->name() == "command") handshake.insert(unit->note);
    if (unit->name() == "ciphertext") sizes.push_back(unit->place.bytes);
  }
  EXPECT_THAT(handshake, testing::IsSupersetOf({"HELLO", "WELCOME", "INITIATE", "READY"}));
  ASSERT_EQ(sizes.size(), 3u);  // header, body, payload
  EXPECT_GT(sizes[2], 40000u);
}

TEST_P(TapTest, WhileNobodyIsThereNobodyListens) {
  const std::string url = coordinator_.url;
  coordinator_.socket.reset();
  start(url);
  const auto refused = [&] {
    const Descriptor worker = begin_connect(tap_->url());
    if (!worker) return true;
    if (!ready(worker.get(), POLLOUT)) return false;
    int error = 0;
    socklen_t size = sizeof error;
    ::getsockopt(worker.get(), SOL_SOCKET, SO_ERROR, &error, &size);
    return error == ECONNREFUSED;
  };
  const auto patience = std::chrono::steady_clock::now() + kPatience;
  while (!refused() && std::chrono::steady_clock::now() < patience) std::this_thread::sleep_for(10ms);
  EXPECT_TRUE(refused());
  coordinator_ = listen_at(url);
  while (refused() && std::chrono::steady_clock::now() < patience) std::this_thread::sleep_for(10ms);
  EXPECT_FALSE(refused());
}

INSTANTIATE_TEST_SUITE_P(Ipc, IpcTapTest, testing::Values("ipc"));
INSTANTIATE_TEST_SUITE_P(BothTransports, TapTest, testing::Values("tcp", "ipc"),
                         [](const auto& info) { return std::string(info.param); });

TEST(Tap, AnAddressWithoutAWireIsAConfigError) {
  const archleak::test::TemporaryFolder folder;
  const std::string good = "ipc://" + (folder / "a").string();
  for (const std::string bad : {"inproc://a", "tcp://127.0.0.1", "ipc://", "udp://127.0.0.1:1", ""}) {
    EXPECT_THROW(Tap({.listen = good, .connect = bad, .capture = folder / "c"}, 1), ConfigError) << bad;
    EXPECT_THROW(Tap({.listen = bad, .connect = good, .capture = folder / "c"}, 1), ConfigError) << bad;
  }
}

TEST(Tap, AnAddressThatIsTakenIsATransportError) {
  const archleak::test::TemporaryFolder folder;
  const std::string taken = "ipc://" + (folder / "a").string();
  const Listener other = listen_at(taken);
  EXPECT_THROW(Tap({.listen = taken, .connect = "tcp://127.0.0.1:1", .capture = folder / "c"}, 1), TransportError);
}

}  // namespace
}  // namespace archleak::attacks
