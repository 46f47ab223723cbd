#define ARCHLEAK_ISA avx2
#define ARCHLEAK_DOUBLES 4
#include "attacks/reconstruction/lane_kernels_impl.h"
