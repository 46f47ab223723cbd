#define ARCHLEAK_ISA avx2
#define ARCHLEAK_BYTES 32
#include "attacks/reconstruction/lane_kernels_impl.h"
