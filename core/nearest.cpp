#include "core/nearest.h"

#include <algorithm>
#include <limits>
#include <numeric>

namespace archleak {
namespace {

size_t edit_distance(const std::string& a, const std::string& b) {
  std::vector<size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), 0);
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t substitution = diagonal + (a[i - 1] != b[j - 1]);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, substitution});
    }
  }
  return row.back();
}

}  // namespace

std::string nearest(const std::string& word, const std::vector<std::string>& known) {
  std::string best;
  size_t distance = std::numeric_limits<size_t>::max();
  for (const auto& candidate : known) {
    const size_t d = edit_distance(word, candidate);
    if (d < distance) distance = d, best = candidate;
  }
  return best;
}

}  // namespace archleak
