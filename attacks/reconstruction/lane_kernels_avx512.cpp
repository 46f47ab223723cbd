#define ARCHLEAK_ISA avx512
#define ARCHLEAK_DOUBLES 8
#include "attacks/reconstruction/lane_kernels_impl.h"
