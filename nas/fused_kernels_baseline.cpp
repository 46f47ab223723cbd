#define ARCHLEAK_ISA baseline
#include "nas/fused_kernels_impl.h"
