#define ARCHLEAK_ISA avx512
#include "nas/fused_kernels_impl.h"
