#define ARCHLEAK_ISA avx2
#define ARCHLEAK_LANES 8
#include "nas/fused_kernels_impl.h"
