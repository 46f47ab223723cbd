#include "nas/fused_kernels.h"

#include "core/instruction_set.h"

namespace archleak::nas {

#define ARCHLEAK_DECLARE(isa)                     \
  namespace isa {                                 \
  template <typename T>                           \
  const FusedKernels<T>& table(int64_t channels); \
  }
ARCHLEAK_DECLARE(baseline)
ARCHLEAK_DECLARE(avx2)
ARCHLEAK_DECLARE(avx512)
#undef ARCHLEAK_DECLARE

template <typename T>
const FusedKernels<T>& fused_kernels(int64_t channels) {
#ifdef ARCHLEAK_X86_KERNELS
  switch (instruction_set()) {
    case InstructionSet::avx512:
      return avx512::table<T>(channels);
    case InstructionSet::avx2:
      return avx2::table<T>(channels);
    case InstructionSet::baseline:
      break;
  }
#endif
  return baseline::table<T>(channels);
}

template const FusedKernels<float>& fused_kernels<float>(int64_t);
template const FusedKernels<double>& fused_kernels<double>(int64_t);

}  // namespace archleak::nas
