#include "attacks/reconstruction/lane_kernels.h"

namespace archleak::attacks {

#define ARCHLEAK_DECLARE(isa)       \
  namespace isa {                   \
  template <typename Real>          \
  const LaneKernels<Real>& table(); \
  }
ARCHLEAK_DECLARE(baseline)
ARCHLEAK_DECLARE(avx2)
ARCHLEAK_DECLARE(avx512)
#undef ARCHLEAK_DECLARE

template <typename Real>
const LaneKernels<Real>& lane_kernels() {
#ifdef ARCHLEAK_X86_KERNELS
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq")) {
    return avx512::table<Real>();
  }
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return avx2::table<Real>();
#endif
  return baseline::table<Real>();
}

template const LaneKernels<double>& lane_kernels<double>();
template const LaneKernels<float>& lane_kernels<float>();

}  // namespace archleak::attacks
