#pragma once
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "core/random.h"

namespace archleak::wire::test {

/// Gives `input` to the fuzz target.
void run_target(const std::string& input);

/// All files of a corpus, in the same order everywhere.
std::vector<std::string> read_corpus(const std::filesystem::path& folder);

/// Flips, fills, erases, inserts or cuts, a few times.
std::string mutate(std::string input, RandomEngine& engine);

/// Gives seeded mutations of `inputs` to the fuzz target.
void run_mutations(const std::vector<std::string>& inputs, int64_t mutations);

}  // namespace archleak::wire::test
