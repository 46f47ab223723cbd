#pragma once
#include <sys/types.h>

#include <string>
#include <vector>

namespace archleak::sim {

/// The number that a descriptor handed to a child has there.
inline constexpr int kChildDescriptor = 3;

/// Starts this program with `arguments`, in a process group of its own: ctrl-C reaches the coordinator alone, which
/// ends its children in good order. `descriptor`, unless negative, becomes kChildDescriptor there. Throws Error.
pid_t spawn_archleak(const std::vector<std::string>& arguments, int descriptor = -1);

/// "exit code 3" or "signal 9 (Killed)", from a status of waitpid.
std::string describe_exit(int status);

}  // namespace archleak::sim
