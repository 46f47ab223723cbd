#pragma once
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>

#include "wire/message.h"

namespace archleak::server {

/// A figure of a client's result. Throws ProtocolError if there is none of that name.
double figure(const wire::Outcome& outcome, std::string_view name);

/// Why a client's result cannot count, before its update is looked at: its weight, or a figure that is missing or not
/// finite.
std::optional<std::string> flaw(const wire::Outcome& outcome, std::initializer_list<const char*> figures);

}  // namespace archleak::server
