#define ARCHLEAK_ISA baseline
#define ARCHLEAK_LANES 4
#include "nas/fused_kernels_impl.h"
