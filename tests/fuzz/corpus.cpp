#include "tests/fuzz/corpus.h"

#include <algorithm>
#include <iostream>
#include <set>

#include "core/file.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace archleak::wire::test {

void run_target(const std::string& input) {
  LLVMFuzzerTestOneInput(reinterpret_cast<const uint8_t*>(input.data()), input.size());
}

std::vector<std::string> read_corpus(const std::filesystem::path& folder) {
  std::set<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) files.insert(entry.path());
  std::vector<std::string> inputs;
  for (const auto& file : files) inputs.push_back(read_file(file));
  return inputs;
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

void run_mutations(const std::vector<std::string>& inputs, int64_t mutations) {
  RandomEngine engine = make_engine({.seed = 1, .purpose = "decode fuzz"});
  for (int64_t i = 0; i < mutations; ++i) {
    run_target(mutate(inputs[static_cast<size_t>(uniform_index(std::ssize(inputs), engine))], engine));
  }
  std::cout << inputs.size() << " inputs and " << mutations << " mutations\n";
}

}  // namespace archleak::wire::test
