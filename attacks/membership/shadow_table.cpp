#include "attacks/membership/shadow_table.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <cmath>

#include "core/error.h"

namespace archleak::attacks {
namespace {

void expect_finite(const std::vector<double>& phi, const std::string& where) {
  const auto broken = std::find_if(phi.begin(), phi.end(), [](double value) { return !std::isfinite(value); });
  if (broken == phi.end()) return;
  throw DataError(fmt::format("{}: expected finite phi, got {} at index {}", where, *broken, broken - phi.begin()));
}

}  // namespace

void add_shadow(ShadowTable& table, const Signals& shadow) {
  const auto phi = scaled_confidence(shadow);
  ++table.shadows;
  table.samples = shadow.samples();
  table.phi.insert(table.phi.end(), phi.begin(), phi.end());
  table.in.insert(table.in.end(), shadow.member.begin(), shadow.member.end());
}

void check_shadows(const ShadowTable& table, const std::string& where) {
  const auto count = static_cast<size_t>(table.shadows * table.samples);
  if (table.shadows < 1 || table.samples < 0 || table.phi.size() != count || table.in.size() != count) {
    throw DataError(fmt::format("{}: expected phi and flags of at least one shadow model, [{}, {}] each, got {} and {}",
                                where, table.shadows, table.samples, table.phi.size(), table.in.size()));
  }
  expect_finite(table.phi, where);
}

void check_target(const ShadowTable& table, const std::vector<double>& phi, const std::string& where) {
  if (static_cast<int64_t>(phi.size()) != table.samples) {
    throw DataError(
        fmt::format("{}: expected phi of the target for {} samples, got {}", where, table.samples, phi.size()));
  }
  expect_finite(phi, where);
}

}  // namespace archleak::attacks
