#pragma once
#include <string>
#include <vector>

namespace archleak {

/// The element of `known` with the smallest edit distance (Levenshtein) to `word`, the first of several; empty if there
/// is none. For messages: "expected ..., got 'vgg-16'; the nearest is 'vgg16'".
std::string nearest(const std::string& word, const std::vector<std::string>& known);

}  // namespace archleak
