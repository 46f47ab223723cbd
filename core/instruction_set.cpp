#include "core/instruction_set.h"

#ifdef __x86_64__
#include <cpuid.h>
#endif

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <string>

#include "core/error.h"

namespace archleak {
namespace {

constexpr InstructionSet kAll[]{InstructionSet::baseline, InstructionSet::avx2, InstructionSet::avx512};

bool available(InstructionSet set) {
#ifdef __x86_64__
  switch (set) {
    case InstructionSet::baseline:
      return true;
    case InstructionSet::avx2:
      return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    case InstructionSet::avx512:
      return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
             __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq");
  }
  return false;
#else
  return set == InstructionSet::baseline;
#endif
}

std::string names(const std::vector<InstructionSet>& sets) {
  std::string text;
  for (const InstructionSet set : sets) text += (text.empty() ? "" : ", ") + std::string(name_of(set));
  return text;
}

InstructionSet initial() {
  constexpr const char* kVariable = "ARCHLEAK_INSTRUCTION_SET";
  const char* wanted = std::getenv(kVariable);
  if (wanted == nullptr || *wanted == '\0') return available_instruction_sets().back();
  return instruction_set_named(wanted, kVariable);
}

std::atomic<InstructionSet>& chosen() {
  static std::atomic<InstructionSet> set = initial();
  return set;
}

}  // namespace

std::string_view name_of(InstructionSet set) {
  switch (set) {
    case InstructionSet::avx2:
      return "avx2";
    case InstructionSet::avx512:
      return "avx512";
    default:
      return "baseline";
  }
}

std::vector<InstructionSet> available_instruction_sets() {
  std::vector<InstructionSet> sets;
  std::ranges::copy_if(kAll, std::back_inserter(sets), available);
  return sets;
}

InstructionSet instruction_set_named(std::string_view name, std::string_view where) {
  const auto sets = available_instruction_sets();
  const auto found = std::ranges::find(sets, name, name_of);
  if (found == sets.end()) {
    throw ConfigError(std::string(where) + ": expected one of " + names(sets) + " on this processor, got \"" +
                      std::string(name) + "\"");
  }
  return *found;
}

InstructionSet instruction_set() {
  return chosen();
}

std::string processor() {
#ifdef __x86_64__
  unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
  if (__get_cpuid(0, &eax, &ebx, &ecx, &edx) == 0) return "unknown";
  std::string vendor;
  for (const unsigned part : {ebx, edx, ecx}) vendor.append(reinterpret_cast<const char*>(&part), sizeof(part));
  if (__get_cpuid(1, &eax, &ebx, &ecx, &edx) == 0) return vendor;
  const unsigned family = (eax >> 8 & 15) + (eax >> 20 & 255);
  const unsigned model = (eax >> 4 & 15) + (eax >> 12 & 240);
  return vendor + " " + std::to_string(family) + "." + std::to_string(model);
#else
  return "unknown";
#endif
}

void use_instruction_set(InstructionSet set) {
  chosen() = instruction_set_named(name_of(set));
}

}  // namespace archleak
