#include "server/outcome.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <cmath>

#include "core/error.h"

namespace archleak::server {

double figure(const wire::Outcome& outcome, std::string_view name) {
  for (const auto& [key, value] : outcome.metrics) {
    if (key == name) return value;
  }
  throw ProtocolError(fmt::format("result of client {}: expected a figure '{}', got none", outcome.client, name));
}

std::optional<std::string> flaw(const wire::Outcome& outcome, std::initializer_list<const char*> figures) {
  if (outcome.weight < 0) return fmt::format("expected a weight of at least 0, got {}", outcome.weight);
  for (const char* name : figures) {
    const auto found = std::find_if(outcome.metrics.begin(), outcome.metrics.end(),
                                    [name](const wire::Metric& candidate) { return candidate.name == name; });
    if (found == outcome.metrics.end() || !std::isfinite(found->value)) {
      return fmt::format("expected a finite figure '{}'", name);
    }
  }
  return std::nullopt;
}

}  // namespace archleak::server
