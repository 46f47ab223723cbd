#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "attacks/membership/signals.h"

namespace archleak::attacks {

/// What shadow models say of the samples that the target is asked about: one number for each model and sample.
struct ShadowTable {
  int64_t shadows = 0;
  int64_t samples = 0;
  std::vector<double> phi;  ///< [shadows, samples], row by row, finite: `scaled_confidence` of the sample
  std::vector<uint8_t> in;  ///< [shadows, samples], 1: the sample was in the shadow's training set

  double phi_at(int64_t shadow, int64_t sample) const { return phi[shadow * samples + sample]; }
  bool in_at(int64_t shadow, int64_t sample) const { return in[shadow * samples + sample] != 0; }
};

/// Adds a shadow by what it answers about the samples; its flags are those of its training set.
void add_shadow(ShadowTable& table, const Signals& shadow);

/// Throws DataError, beginning with `where`, unless there is a shadow, the lengths agree and phi is finite.
void check_shadows(const ShadowTable& table, const std::string& where);

/// Throws DataError, beginning with `where`, unless there is a finite phi for each of the table's samples.
void check_target(const ShadowTable& table, const std::vector<double>& phi, const std::string& where);

}  // namespace archleak::attacks
