#define ARCHLEAK_ISA avx2
#include "nas/fused_kernels_impl.h"
