#include "attacks/reconstruction/lane_kernels.h"

#include "core/instruction_set.h"

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
  switch (instruction_set()) {
    case InstructionSet::avx512:
      return avx512::table<Real>();
    case InstructionSet::avx2:
      return avx2::table<Real>();
    case InstructionSet::baseline:
      break;
  }
#endif
  return baseline::table<Real>();
}

template const LaneKernels<double>& lane_kernels<double>();
template const LaneKernels<float>& lane_kernels<float>();

}  // namespace archleak::attacks
