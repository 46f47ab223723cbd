#include "server/search_strategy.h"

#include "core/bytes.h"
#include "core/error.h"
#include "server/alpha_sampling.h"

namespace archleak::server {

std::vector<double> accuracy_of_candidates(const std::vector<Answer>& answers) {
  if (answers.empty()) throw Error("ranking: expected an answer of some client, got none");
  std::vector<double> correct(answers.front().correct.size(), 0);
  double examples = 0;
  for (const auto& answer : answers) {
    examples += static_cast<double>(answer.examples);
    for (size_t i = 0; i < correct.size(); ++i) correct[i] += answer.correct.at(i);
  }
  for (double& count : correct) count /= examples;
  return correct;
}

std::optional<double> SearchStrategy::entropy(const std::vector<torch::Tensor>& rows) const {
  if (rows.empty()) return std::nullopt;
  return alpha_entropy(rows);
}

void SearchStrategy::load(std::string_view bytes) {
  ByteReader(bytes, "search strategy").expect_end();
}

}  // namespace archleak::server
