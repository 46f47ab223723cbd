// The kernels' code, included for every instruction set (lane_kernels_impl.h), once with ARCHLEAK_REAL as double and
// once as float, in a namespace ARCHLEAK_KERNELS each. Nothing here may call an inline function of the standard library
// or of another header: the linker could choose this instruction set's copy for everyone.
#include "attacks/reconstruction/lane_kernels.h"

#ifndef ARCHLEAK_INLINE
#define ARCHLEAK_INLINE static inline __attribute__((always_inline))
#endif

namespace archleak::attacks::ARCHLEAK_ISA {

template <typename Real>
const LaneKernels<Real>& table();

namespace ARCHLEAK_KERNELS {
namespace {

using Real = ARCHLEAK_REAL;
constexpr int64_t kLanes = attacks::kLanes<Real>;
constexpr int64_t kWidth = ARCHLEAK_BYTES / static_cast<int64_t>(sizeof(Real));
constexpr int64_t kVectors = kLanes / kWidth;
typedef Real Vector __attribute__((vector_size(kWidth * sizeof(Real))));
typedef Real Memory __attribute__((vector_size(kWidth * sizeof(Real)), aligned(alignof(Real)), may_alias));

ARCHLEAK_INLINE Vector load(const Real* from) {
  return *reinterpret_cast<const Memory*>(from);
}
ARCHLEAK_INLINE void store(Real* to, Vector value) {
  *reinterpret_cast<Memory*>(to) = value;
}
ARCHLEAK_INLINE Vector fill(Real value) {
  return value - Vector{};
}

ARCHLEAK_INLINE int64_t padded_width(const Plane& plane) {
  return plane.width + 2 * kBorder;
}
ARCHLEAK_INLINE int64_t padded_size(const Plane& plane) {
  return (plane.height + 2 * kBorder) * padded_width(plane);
}
ARCHLEAK_INLINE int64_t plane_size(const Plane& plane) {
  return plane.height * plane.width;
}
ARCHLEAK_INLINE int64_t padded_place(const Plane& plane, int64_t y, int64_t x) {
  return (y + kBorder) * padded_width(plane) + x + kBorder;
}

// kOutputs rows of the result at kPixels neighbouring positions, one register of lanes.
template <int kOutputs, int kPixels>
ARCHLEAK_INLINE void convolve_tile(const Stencil<Real>& stencil, int64_t padded_plane, int64_t out_plane,
                                   int64_t output, const Real* in, Real* out) {
  Vector sum[kOutputs][kPixels] = {};
  for (int64_t i = 0; i < stencil.inputs; ++i) {
    const Real* row[kOutputs];
    for (int o = 0; o < kOutputs; ++o) {
      row[o] = stencil.coefficients + ((output + o) * stencil.inputs + i) * stencil.taps;
    }
    const Real* from = in + i * padded_plane * kLanes;
    for (int64_t t = 0; t < stencil.taps; ++t) {
      const Real* at = from + stencil.shifts[t] * kLanes;
      Vector factor[kOutputs];
#pragma GCC unroll 2
      for (int o = 0; o < kOutputs; ++o) factor[o] = fill(row[o][t]);
#pragma GCC unroll 7
      for (int x = 0; x < kPixels; ++x) {
        const Vector value = load(at + x * kLanes);
#pragma GCC unroll 2
        for (int o = 0; o < kOutputs; ++o) sum[o][x] += factor[o] * value;
      }
    }
  }
#pragma GCC unroll 2
  for (int o = 0; o < kOutputs; ++o) {
#pragma GCC unroll 7
    for (int x = 0; x < kPixels; ++x) store(out + (o * out_plane + x) * kLanes, sum[o][x]);
  }
}

template <int kOutputs>
ARCHLEAK_INLINE void convolve_outputs(const Plane& plane, const Stencil<Real>& stencil, int64_t output,
                                      const Real* padded, Real* out) {
  const int64_t padded_plane = padded_size(plane), out_plane = plane_size(plane);
  for (int64_t v = 0; v < kVectors; ++v) {
    for (int64_t y = 0; y < plane.height; ++y) {
      const Real* in = padded + padded_place(plane, y, 0) * kLanes + v * kWidth;
      Real* to = out + (output * out_plane + y * plane.width) * kLanes + v * kWidth;
      int64_t x = 0;
      for (; x + 7 <= plane.width; x += 7) {
        convolve_tile<kOutputs, 7>(stencil, padded_plane, out_plane, output, in + x * kLanes, to + x * kLanes);
      }
      for (; x < plane.width; ++x) {
        convolve_tile<kOutputs, 1>(stencil, padded_plane, out_plane, output, in + x * kLanes, to + x * kLanes);
      }
    }
  }
}

void convolve(const Plane& plane, const Stencil<Real>& stencil, const Real* padded, Real* out) {
  int64_t o = 0;
  for (; o + 2 <= stencil.outputs; o += 2) convolve_outputs<2>(plane, stencil, o, padded, out);
  if (o < stencil.outputs) convolve_outputs<1>(plane, stencil, o, padded, out);
}

template <int kOutputs, int kTaps>
ARCHLEAK_INLINE void correlate_tile(const Plane& plane, const Stencil<Real>& stencil, int64_t output, int64_t input,
                                    int64_t tap, const Real* left, const Real* right, Real* correlations) {
  const int64_t out_plane = plane_size(plane);
  for (int64_t v = 0; v < kVectors; ++v) {
    Vector sum[kOutputs][kTaps] = {};
    for (int64_t y = 0; y < plane.height; ++y) {
      const Real* l = left + (output * out_plane + y * plane.width) * kLanes + v * kWidth;
      const Real* r = right + (input * padded_size(plane) + padded_place(plane, y, 0)) * kLanes + v * kWidth;
      for (int64_t x = 0; x < plane.width; ++x, l += kLanes, r += kLanes) {
        Vector factor[kOutputs];
#pragma GCC unroll 2
        for (int o = 0; o < kOutputs; ++o) factor[o] = load(l + o * out_plane * kLanes);
#pragma GCC unroll 6
        for (int t = 0; t < kTaps; ++t) {
          const Vector value = load(r + stencil.shifts[tap + t] * kLanes);
#pragma GCC unroll 2
          for (int o = 0; o < kOutputs; ++o) sum[o][t] += factor[o] * value;
        }
      }
    }
    for (int o = 0; o < kOutputs; ++o) {
      Real* to = correlations + (((output + o) * stencil.inputs + input) * stencil.taps + tap) * kLanes + v * kWidth;
      for (int t = 0; t < kTaps; ++t) store(to + t * kLanes, sum[o][t]);
    }
  }
}

template <int kOutputs>
ARCHLEAK_INLINE void correlate_outputs(const Plane& plane, const Stencil<Real>& stencil, int64_t output,
                                       const Real* left, const Real* right, Real* correlations) {
  for (int64_t i = 0; i < stencil.inputs; ++i) {
    int64_t t = 0;
    for (; t + 6 <= stencil.taps; t += 6) {
      correlate_tile<kOutputs, 6>(plane, stencil, output, i, t, left, right, correlations);
    }
    for (; t < stencil.taps; ++t) {
      correlate_tile<kOutputs, 1>(plane, stencil, output, i, t, left, right, correlations);
    }
  }
}

void correlate(const Plane& plane, const Stencil<Real>& stencil, const Real* left, const Real* right,
               Real* correlations) {
  int64_t o = 0;
  for (; o + 2 <= stencil.outputs; o += 2) correlate_outputs<2>(plane, stencil, o, left, right, correlations);
  if (o < stencil.outputs) correlate_outputs<1>(plane, stencil, o, left, right, correlations);
}

void pad(const Plane& plane, int64_t channels, const Real* feature, const Real* factor, Real* padded) {
  const int64_t row = padded_width(plane);
  for (int64_t c = 0; c < channels; ++c) {
    Real* to = padded + c * padded_size(plane) * kLanes;
    __builtin_memset(to, 0, kBorder * row * kLanes * sizeof(Real));
    to += kBorder * row * kLanes;
    for (int64_t y = 0; y < plane.height; ++y, to += row * kLanes) {
      const int64_t first = (c * plane.height + y) * plane.width;
      __builtin_memset(to, 0, kBorder * kLanes * sizeof(Real));
      for (int64_t x = 0; x < plane.width; ++x) {
        const Real* from = feature + (first + x) * kLanes;
        const Vector scale = fill(factor ? factor[first + x] : 1);
        for (int64_t v = 0; v < kLanes; v += kWidth) store(to + (kBorder + x) * kLanes + v, scale * load(from + v));
      }
      __builtin_memset(to + (kBorder + plane.width) * kLanes, 0, kBorder * kLanes * sizeof(Real));
    }
    __builtin_memset(to, 0, kBorder * row * kLanes * sizeof(Real));
  }
}

void add(int64_t count, Real a, const Real* x, Real* y) {
  const Vector factor = fill(a);
  for (int64_t i = 0; i < count * kLanes; i += kWidth) store(y + i, load(y + i) + factor * load(x + i));
}

void combine(int64_t count, const Real* a, const Real* x, const Real* b, Real* y) {
  for (int64_t i = 0; i < count; ++i) {
    const Vector of_x = fill(a[i]), of_y = fill(b[i]);
    for (int64_t v = i * kLanes; v < (i + 1) * kLanes; v += kWidth) {
      store(y + v, of_x * load(x + v) + of_y * load(y + v));
    }
  }
}

void gather(int64_t count, Real weight, const int64_t* sources, const Real* padded, Real* out) {
  const Vector factor = fill(weight);
  for (int64_t i = 0; i < count; ++i) {
    for (int64_t v = 0; v < kLanes; v += kWidth) {
      store(out + i * kLanes + v, load(out + i * kLanes + v) + factor * load(padded + sources[i] * kLanes + v));
    }
  }
}

void scatter(int64_t count, Real weight, const int64_t* targets, const Real* in, Real* out) {
  const Vector factor = fill(weight);
  for (int64_t i = 0; i < count; ++i) {
    Real* to = out + targets[i] * kLanes;
    for (int64_t v = 0; v < kLanes; v += kWidth) store(to + v, load(to + v) + factor * load(in + i * kLanes + v));
  }
}

// The rows or columns of a 3x3 window around `at` that lie within 0..size-1.
ARCHLEAK_INLINE int window_first(int64_t at) {
  return at == 0 ? 0 : -1;
}
ARCHLEAK_INLINE int window_last(int64_t at, int64_t size) {
  return at + 1 == size ? 0 : 1;
}

void max_pool(const Plane& plane, int64_t channels, Real weight, const Real* padded, Real* out, Real* choice) {
  const Vector factor = fill(weight);
  for (int64_t c = 0; c < channels; ++c) {
    for (int64_t y = 0; y < plane.height; ++y) {
      for (int64_t x = 0; x < plane.width; ++x) {
        const Real* at = padded + (c * padded_size(plane) + padded_place(plane, y, x)) * kLanes;
        const int64_t place = ((c * plane.height + y) * plane.width + x) * kLanes;
        for (int64_t v = 0; v < kLanes; v += kWidth) {
          Vector best = fill(-__builtin_inf()), which = {};
          for (int dy = window_first(y); dy <= window_last(y, plane.height); ++dy) {
            for (int dx = window_first(x); dx <= window_last(x, plane.width); ++dx) {
              const Vector value = load(at + (dy * padded_width(plane) + dx) * kLanes + v);
              const auto larger = value > best;
              best = larger ? value : best;
              which = larger ? fill(3 * dy + dx) : which;
            }
          }
          store(out + place + v, load(out + place + v) + factor * best);
          store(choice + place + v, which);
        }
      }
    }
  }
}

void max_pool_transposed(const Plane& plane, int64_t channels, Real weight, const Real* choice, const Real* in,
                         const Real* padded, Real* out, Real* products) {
  const Vector factor = fill(weight);
  Vector total[kVectors] = {};
  for (int64_t c = 0; c < channels; ++c) {
    for (int64_t y = 0; y < plane.height; ++y) {
      for (int64_t x = 0; x < plane.width; ++x) {
        const Real* at = padded + (c * padded_size(plane) + padded_place(plane, y, x)) * kLanes;
        const int64_t place = ((c * plane.height + y) * plane.width + x) * kLanes;
        for (int64_t v = 0; v < kVectors; ++v) {
          const Vector which = load(choice + place + v * kWidth), value = load(in + place + v * kWidth);
          Vector chosen = {};
          for (int dy = window_first(y); dy <= window_last(y, plane.height); ++dy) {
            for (int dx = window_first(x); dx <= window_last(x, plane.width); ++dx) {
              const auto here = which == fill(3 * dy + dx);
              chosen += here ? load(at + (dy * padded_width(plane) + dx) * kLanes + v * kWidth) : Vector{};
              Real* to = out + place + (dy * plane.width + dx) * kLanes + v * kWidth;
              store(to, load(to) + (here ? factor * value : Vector{}));
            }
          }
          total[v] += value * chosen;
        }
      }
    }
  }
  for (int64_t v = 0; v < kVectors; ++v) store(products + v * kWidth, total[v]);
}

template <int kRows>
ARCHLEAK_INLINE void multiply_rows(int64_t count, const Real* matrix, const Real* feature, Real* out) {
  for (int64_t v = 0; v < kLanes; v += kWidth) {
    Vector sum[kRows];
#pragma GCC unroll 12
    for (int i = 0; i < kRows; ++i) sum[i] = load(out + i * kLanes + v);
    for (int64_t n = 0; n < count; ++n) {
      const Vector value = load(feature + n * kLanes + v);
#pragma GCC unroll 12
      for (int i = 0; i < kRows; ++i) sum[i] += fill(matrix[i * count + n]) * value;
    }
#pragma GCC unroll 12
    for (int i = 0; i < kRows; ++i) store(out + i * kLanes + v, sum[i]);
  }
}

void multiply(int64_t rows, int64_t count, const Real* matrix, const Real* feature, Real* out) {
  int64_t i = 0;
  for (; i + 12 <= rows; i += 12) multiply_rows<12>(count, matrix + i * count, feature, out + i * kLanes);
  for (; i + 4 <= rows; i += 4) multiply_rows<4>(count, matrix + i * count, feature, out + i * kLanes);
  for (; i < rows; ++i) multiply_rows<1>(count, matrix + i * count, feature, out + i * kLanes);
}

constexpr int64_t kTile = 32;  // positions whose lanes stay in the first cache
constexpr int kLefts = 4;

template <int kCount>
ARCHLEAK_INLINE void dots_tile(int64_t positions, const Real* left, int64_t left_step, const Real* right,
                               Real* products, int64_t product_step) {
  for (int64_t v = 0; v < kLanes; v += kWidth) {
    Vector sum[kCount] = {};
    for (int64_t n = 0; n < positions; ++n) {
      const Vector value = load(right + n * kLanes + v);
#pragma GCC unroll 4
      for (int i = 0; i < kCount; ++i) sum[i] += value * load(left + i * left_step + n * kLanes + v);
    }
    for (int i = 0; i < kCount; ++i) {
      Real* to = products + i * product_step + v;
      store(to, load(to) + sum[i]);
    }
  }
}

void dots(int64_t count, int64_t lefts, const Real* left, int64_t rights, const Real* right, Real* products) {
  const int64_t step = count * kLanes;
  for (int64_t n = 0; n < count; n += kTile) {
    const int64_t positions = n + kTile <= count ? kTile : count - n;
    for (int64_t j = 0; j < rights; ++j) {
      const Real* r = right + j * step + n * kLanes;
      int64_t i = 0;
      for (; i + kLefts <= lefts; i += kLefts) {
        dots_tile<kLefts>(positions, left + i * step + n * kLanes, step, r, products + (i * rights + j) * kLanes,
                          rights * kLanes);
      }
      for (; i < lefts; ++i) {
        dots_tile<1>(positions, left + i * step + n * kLanes, step, r, products + (i * rights + j) * kLanes, 0);
      }
    }
  }
}

constexpr LaneKernels<Real> kTable{convolve, correlate,           pad,      add, combine, gather, scatter,
                                   max_pool, max_pool_transposed, multiply, dots};

}  // namespace
}  // namespace ARCHLEAK_KERNELS

template <>
const LaneKernels<ARCHLEAK_REAL>& table<ARCHLEAK_REAL>() {
  return ARCHLEAK_KERNELS::kTable;
}

}  // namespace archleak::attacks::ARCHLEAK_ISA
