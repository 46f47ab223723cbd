#define ARCHLEAK_ISA avx512
#define ARCHLEAK_LANES 16
#include "nas/fused_kernels_impl.h"
