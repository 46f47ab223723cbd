#include "attacks/reconstruction/lane_kernels.h"

namespace archleak::attacks {

#define ARCHLEAK_DECLARE(isa) \
  namespace isa {             \
  const LaneKernels& table(); \
  }
ARCHLEAK_DECLARE(baseline)
ARCHLEAK_DECLARE(avx2)
ARCHLEAK_DECLARE(avx512)
#undef ARCHLEAK_DECLARE

const LaneKernels& lane_kernels() {
#ifdef ARCHLEAK_X86_KERNELS
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq")) {
    return avx512::table();
  }
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return avx2::table();
#endif
  return baseline::table();
}

}  // namespace archleak::attacks
