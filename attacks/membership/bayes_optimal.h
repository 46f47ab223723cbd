#pragma once
#include <cstdint>
#include <functional>
#include <vector>

namespace archleak::attacks {

/// The Bayes-optimal membership inference from an architecture, by enumeration: what no attack can beat, for cases
/// small enough. Each of `candidates` examples (1 to 20) is in the training set D with probability `prior`,
/// independently; `log_likelihood(D)` is log p(alpha | D, theta) up to a constant, where bit i of D says whether
/// example i is in it. Returns P(i in D | alpha, theta) for each candidate. Throws ConfigError for other numbers of
/// candidates or a prior that is not within (0, 1), DataError for a likelihood that is NaN, or zero for every D.
///
/// This is Theorem 1 of "Model architecture level privacy leakage in neural networks" (appendix B), whose printed
/// formula has the two likelihoods the wrong way round: with O the odds prior / (1 - prior) and D_r the rest of D,
/// P(i in D | alpha) = E[1 / (1 + p(alpha | i out, D_r) / (O p(alpha | i in, D_r)))], and the mean is over D_r given
/// alpha, not over D_r beforehand.
std::vector<double> bayes_membership(int64_t candidates, double prior,
                                     const std::function<double(uint32_t)>& log_likelihood);

/// The rate at which whoever says "member" where the posterior is at least one half is right, in expectation over the
/// truth: mean of max(p, 1 - p).
double bayes_accuracy(const std::vector<double>& posterior);

}  // namespace archleak::attacks
