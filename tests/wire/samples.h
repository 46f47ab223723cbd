#pragma once
#include <vector>

#include "wire/message.h"

namespace archleak::wire::test {

/// One message of every kind with nothing left at its default, then edge cases: empty fields, no payload, extremes.
std::vector<Message> sample_messages();

}  // namespace archleak::wire::test
