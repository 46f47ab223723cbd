// Runs the capture fuzz target without libFuzzer: over every file of a corpus, then over seeded mutations of them.
//   capture_fuzz CORPUS MUTATIONS     runs
//   capture_fuzz --write CORPUS       writes the seed corpus
#include <iostream>

#include "core/file.h"
#include "tests/attacks/packets.h"
#include "tests/fuzz/capture_input.h"
#include "tests/fuzz/corpus.h"
#include "tests/support/paths.h"
#include "tests/wire/samples.h"
#include "tests/wire/zmtp_stream.h"
#include "wire/capture_writer.h"

namespace archleak::wire {
namespace {

using test::CaptureInput;

std::string input(CaptureInput kind, const std::string& bytes) {
  return static_cast<char>(kind) + bytes;
}

std::string block(BlockType type, uint8_t offset, const std::string& content) {
  const bool stream = type == BlockType::data || type == BlockType::gap || type == BlockType::close;
  std::string text{static_cast<char>(type), static_cast<char>(stream ? 1 : 0), '\x01', static_cast<char>(offset),
                   static_cast<char>(content.size())};
  return text + content;
}

std::string small_capture(const std::string& stream) {
  const archleak::test::TemporaryFolder folder;
  {
    CaptureWriter writer(folder / "a", {.source = "tap"});
    writer.open(1, "ipc", 1);
    writer.data(1, Direction::up, 0, stream, 2);
    writer.gap(1, Direction::up, stream.size(), 5, 3);
    writer.close(1, Direction::up, stream.size() + 5, 4);
  }
  return read_file(folder / "a");
}

void write_corpus(const std::filesystem::path& folder) {
  std::filesystem::create_directories(folder);
  const auto save = [&](const char* name, const std::string& bytes) { write_file_atomically(folder / name, bytes); };
  const std::string stream = test::zmtp_stream("worker 1", {Flush{.round = 1}, Bye{.reason = "done"}});
  const std::string sealed = test::zmtp_sealed_stream({std::string(300, 'x'), "y"});
  const std::string half = stream.substr(0, 100);
  save("capture", input(CaptureInput::file, small_capture(stream)));
  save("capture_of_ciphertext", input(CaptureInput::file, small_capture(sealed)));
  save("blocks",
       input(CaptureInput::blocks,
             block(BlockType::segment, 0, to_content({.source = "tap"})) + block(BlockType::open, 0, "ipc") +
                 block(BlockType::data, 0, half) + block(BlockType::gap, 100, std::string("\x04\0\0\0\0\0\0\0", 8)) +
                 block(BlockType::data, 104, stream.substr(104)) + block(BlockType::close, 200, "")));
  save("stream", input(CaptureInput::stream, test::zmtp_stream("worker 1", test::sample_messages()).substr(0, 4000)));
  save("stream_of_ciphertext", input(CaptureInput::stream, sealed));
  save("stream_joined_late", input(CaptureInput::stream, stream.substr(90)));
  save("packet", input(CaptureInput::packet, attacks::test::link_packet({.bytes = "abc"})));
  save("packet_ipv6",
       input(CaptureInput::packet, attacks::test::link_packet({.bytes = "abc"}, {.type = 276, .ip = 6})));
}

}  // namespace
}  // namespace archleak::wire

int main(int argc, char** argv) {
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  if (arguments.size() != 2) {
    std::cerr << "usage: capture_fuzz CORPUS MUTATIONS | capture_fuzz --write CORPUS\n";
    return 2;
  }
  if (arguments[0] == "--write") {
    archleak::wire::write_corpus(arguments[1]);
    return 0;
  }
  const auto inputs = archleak::wire::test::read_corpus(arguments[0]);
  for (const auto& input : inputs) archleak::wire::test::run_target(input);
  archleak::wire::test::run_mutations(inputs, std::stoll(arguments[1]));
  return 0;
}
