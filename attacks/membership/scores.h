#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace archleak::attacks {

/// What a membership attack says of samples, beside the truth: one row a sample. A larger score means "more likely a
/// member". Samples with equal scores are tied: no threshold separates them, whatever their order.
struct ScoreTable {
  std::vector<double> scores;       ///< [samples], finite
  std::vector<uint8_t> member;      ///< [samples], 1: in the training set of the target, else 0
  std::vector<std::string> labels;  ///< [samples], class of the sample; or empty
  std::vector<uint8_t> correct;     ///< [samples], 1: the target gives it its class, else 0; or empty
  std::vector<std::string> parts;   ///< [samples], which part of the training set a member is of; an empty name for
                                    ///< non-members; or empty
  std::vector<std::string> ids;     ///< [samples], what the sample is known by; or empty
};

}  // namespace archleak::attacks
