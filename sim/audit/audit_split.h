#pragma once
#include <cstdint>
#include <vector>

#include "sim/audit/audit_config.h"

namespace archleak::sim {

/// Who is trained on what. Model 0 is the target, the others are its shadows.
struct AuditSplit {
  std::vector<int64_t> samples;          ///< places in the train split of the examples that are asked about
  std::vector<int64_t> population;       ///< likewise, of examples that no model is trained on
  std::vector<int64_t> reference;        ///< likewise, for the defences that need some (AuditOptions::reference)
  std::vector<std::vector<uint8_t>> in;  ///< [models][samples], 1: the model is trained on the sample

  int64_t models() const { return static_cast<int64_t>(in.size()); }

  /// Places in the train split of what a model is trained on, ascending.
  std::vector<int64_t> training_set(int64_t model) const;
};

/// Draws samples, population and reference from `examples` examples. The target is trained on exactly half of the
/// samples, and each sample is in the training sets of exactly half of the shadows, independently of the others
/// (Carlini et al. 2022). Throws ConfigError if there are not so many examples.
AuditSplit make_audit_split(int64_t examples, const AuditOptions& options, uint64_t seed);

}  // namespace archleak::sim
