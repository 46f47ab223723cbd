#define ARCHLEAK_ISA baseline
#define ARCHLEAK_DOUBLES 2
#include "attacks/reconstruction/lane_kernels_impl.h"
