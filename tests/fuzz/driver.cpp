// Runs a fuzz target without libFuzzer: over every file of a corpus, then over seeded mutations of them.
//   decode_fuzz CORPUS MUTATIONS     runs; fails if the corpus lacks a kind of message
//   decode_fuzz --write CORPUS       writes the seed corpus
#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <iostream>
#include <set>
#include <string>
#include <vector>

#include "core/file.h"
#include "tests/fuzz/corpus.h"
#include "tests/fuzz/split_frames.h"
#include "tests/wire/samples.h"

namespace archleak::wire {
namespace {

/// The number of the kind of message that the input holds; 0 if it is none.
uint16_t kind_in(const std::string& input) {
  try {
    return kind_of(decode(test::split_frames({reinterpret_cast<const uint8_t*>(input.data()), input.size()})).message);
  } catch (const ProtocolError&) {
    return 0;
  }
}

void write_corpus(const std::filesystem::path& folder) {
  std::filesystem::create_directories(folder);
  int number = 0;
  for (const auto& message : test::sample_messages()) {
    std::string name = std::to_string(number++) + " " + kind_name(kind_of(message));
    std::replace(name.begin(), name.end(), ' ', '_');
    write_file_atomically(folder / name, test::join_frames(encode(message, 1)));
  }
}

int run_corpus(const std::filesystem::path& folder, int64_t mutations) {
  const std::vector<std::string> inputs = test::read_corpus(folder);
  std::set<uint16_t> kinds;
  for (const auto& input : inputs) {
    test::run_target(input);
    kinds.insert(kind_in(input));
  }
  kinds.erase(0);
  if (kinds.size() != kMessageKinds) {
    std::cerr << folder << ": expected all " << kMessageKinds << " kinds of messages, got " << kinds.size() << "\n";
    return 1;
  }
  test::run_mutations(inputs, mutations);
  return 0;
}

}  // namespace
}  // namespace archleak::wire

int main(int argc, char** argv) {
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  if (arguments.size() != 2) {
    std::cerr << "usage: decode_fuzz CORPUS MUTATIONS | decode_fuzz --write CORPUS\n";
    return 2;
  }
  if (arguments[0] == "--write") {
    archleak::wire::write_corpus(arguments[1]);
    return 0;
  }
  return archleak::wire::run_corpus(arguments[0], std::stoll(arguments[1]));
}
