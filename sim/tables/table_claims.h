#pragma once
#include "sim/tables/table_spec.h"

namespace archleak::sim {

class TomlSection;

/// Reads what a table shows and what it is held against, [[figures]], [[published]], [[checks]] and [[curves]], into
/// `table`, whose axes and scales are there already. Throws ConfigError with file and line.
void read_claims(const TomlSection& document, TableSpec& table);

}  // namespace archleak::sim
