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
#include "core/random.h"
#include "tests/fuzz/split_frames.h"
#include "tests/wire/samples.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace archleak::wire {
namespace {

void run(const std::string& input) {
  LLVMFuzzerTestOneInput(reinterpret_cast<const uint8_t*>(input.data()), input.size());
}

std::string mutate(std::string input, RandomEngine& engine) {
  for (int64_t changes = 1 + uniform_index(6, engine); changes > 0; --changes) {
    const auto at = static_cast<size_t>(uniform_index(std::ssize(input) + 1, engine));
    const auto length = static_cast<size_t>(1 + uniform_index(8, engine));
    switch (uniform_index(5, engine)) {
      case 0:
        if (at < input.size()) input[at] = static_cast<char>(input[at] ^ (1 << uniform_index(8, engine)));
        break;
      case 1:
        for (size_t i = at; i < std::min(at + length, input.size()); ++i) input[i] = static_cast<char>(0xff);
        break;
      case 2:
        input.erase(at, length);
        break;
      case 3:
        input.insert(at, length, static_cast<char>(engine()));
        break;
      default:
        input.resize(at);
    }
  }
  return input;
}

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
  std::set<std::filesystem::path> files;  // in the same order everywhere
  for (const auto& entry : std::filesystem::directory_iterator(folder)) files.insert(entry.path());
  std::vector<std::string> inputs;
  std::set<uint16_t> kinds;
  for (const auto& file : files) {
    inputs.push_back(read_file(file));
    run(inputs.back());
    kinds.insert(kind_in(inputs.back()));
  }
  kinds.erase(0);
  if (kinds.size() != kMessageKinds) {
    std::cerr << folder << ": expected all " << kMessageKinds << " kinds of messages, got " << kinds.size() << "\n";
    return 1;
  }
  RandomEngine engine = make_engine({.seed = 1, .purpose = "decode fuzz"});
  for (int64_t i = 0; i < mutations; ++i) {
    run(mutate(inputs[static_cast<size_t>(uniform_index(std::ssize(inputs), engine))], engine));
  }
  std::cout << inputs.size() << " inputs and " << mutations << " mutations\n";
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
