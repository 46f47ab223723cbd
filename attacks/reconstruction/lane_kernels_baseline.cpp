#define ARCHLEAK_ISA baseline
#define ARCHLEAK_BYTES 16
#include "attacks/reconstruction/lane_kernels_impl.h"
