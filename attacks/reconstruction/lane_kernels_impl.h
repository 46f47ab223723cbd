// The kernels of one instruction set, in both precisions: ARCHLEAK_ISA is the set's name, ARCHLEAK_BYTES what its
// registers hold.
#define ARCHLEAK_REAL double
#define ARCHLEAK_KERNELS of_double
#include "attacks/reconstruction/lane_kernels_real.h"
#undef ARCHLEAK_REAL
#undef ARCHLEAK_KERNELS

#define ARCHLEAK_REAL float
#define ARCHLEAK_KERNELS of_float
#include "attacks/reconstruction/lane_kernels_real.h"
#undef ARCHLEAK_REAL
#undef ARCHLEAK_KERNELS
