#define ARCHLEAK_ISA avx512
#define ARCHLEAK_BYTES 64
#include "attacks/reconstruction/lane_kernels_impl.h"
