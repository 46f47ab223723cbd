#pragma once
#include <cstddef>

namespace archleak::wire::test {

/// Watches operator new: the most that this thread has asked for at once since the object was made.
class LargestAllocation {
 public:
  LargestAllocation();
  size_t bytes() const;
};

}  // namespace archleak::wire::test
