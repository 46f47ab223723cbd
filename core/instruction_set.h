#pragma once
#include <string>
#include <string_view>
#include <vector>

namespace archleak {

/// What our own kernels are compiled for; they round differently, so that the bits of a result are those of one set.
enum class InstructionSet { baseline, avx2, avx512 };

std::string_view name_of(InstructionSet set);

/// Those that this processor can run, the quickest last.
std::vector<InstructionSet> available_instruction_sets();

/// By its name. Throws ConfigError, which begins with `where` and has the names that there are, if this processor has
/// none of that name.
InstructionSet instruction_set_named(std::string_view name, std::string_view where = "instruction set");

/// What kernels are chosen by: the quickest that is available, or the one that the environment variable
/// ARCHLEAK_INSTRUCTION_SET names. Throws ConfigError as instruction_set_named does.
InstructionSet instruction_set();

/// Vendor, family and model of this processor, as "AuthenticAMD 25.17"; "unknown" where there is no CPUID. Libraries of
/// linear algebra choose their kernels by them, and so how they round.
std::string processor();

/// Chooses another for this process, from the next pass on. Throws ConfigError as instruction_set_named does.
void use_instruction_set(InstructionSet set);

}  // namespace archleak
