// The kernels' code, included once for every instruction set with ARCHLEAK_ISA set to its name and ARCHLEAK_LANES to
// the number of floats that its registers hold. Nothing here may call an inline function of the standard library: the
// linker could choose this instruction set's copy for everyone.
#include "nas/fused_kernels.h"

namespace archleak::nas::ARCHLEAK_ISA {
namespace {

#define ARCHLEAK_INLINE static inline __attribute__((always_inline))

template <typename T, int L>
struct Kernels {
  typedef T Vector __attribute__((vector_size(L * sizeof(T))));
  typedef T Memory __attribute__((vector_size(L * sizeof(T)), aligned(alignof(T)), may_alias));

  ARCHLEAK_INLINE Vector load(const T* from) { return *reinterpret_cast<const Memory*>(from); }
  ARCHLEAK_INLINE void store(T* to, Vector value) { *reinterpret_cast<Memory*>(to) = value; }
  ARCHLEAK_INLINE void add(T* to, Vector value) { store(to, load(to) + value); }
  ARCHLEAK_INLINE void add_sum(double* to, Vector value) {
    for (int i = 0; i < L; ++i) to[i] += value[i];
  }
  ARCHLEAK_INLINE Vector relu(Vector value) { return value < Vector{} ? Vector{} : value; }

  static void clear(T* to, int64_t count) { __builtin_memset(to, 0, count * sizeof(T)); }

  static void rectify(const T* x, int64_t stride, int64_t height, int64_t width, int64_t channels, const T* scale,
                      const T* shift, T* padded) {
    const int64_t row = (width + 2 * kBorder) * channels;
    clear(padded, kBorder * row);
    clear(padded + (height + kBorder) * row, kBorder * row);
    for (int64_t y = 0; y < height; ++y) {
      T* out = padded + (y + kBorder) * row;
      clear(out, kBorder * channels);
      clear(out + (width + kBorder) * channels, kBorder * channels);
      out += kBorder * channels;
      const T* in = x + y * width * stride;
      for (int64_t c = 0; c < channels; c += L) {
        if (scale) {
          const Vector s = load(scale + c), t = load(shift + c);
          for (int64_t i = 0; i < width; ++i) store(out + i * channels + c, relu(load(in + i * stride + c) * s + t));
        } else {
          for (int64_t i = 0; i < width; ++i) store(out + i * channels + c, relu(load(in + i * stride + c)));
        }
      }
    }
  }

  // One row of a depthwise convolution; `in` is the place of the first tap for the first output.
  template <int K, bool kAdd, int kUnroll>
  ARCHLEAK_INLINE void depthwise_pixels(const T* in, int64_t row, int64_t tap, int64_t step, int64_t channels,
                                        const T* weight, T* out) {
    Vector sum[kUnroll];
    for (int j = 0; j < kUnroll; ++j) sum[j] = kAdd ? load(out + j * channels) : Vector{};
#pragma GCC unroll 5
    for (int ky = 0; ky < K; ++ky) {
#pragma GCC unroll 5
      for (int kx = 0; kx < K; ++kx) {
        const Vector w = load(weight + (ky * K + kx) * channels);
        const T* at = in + ky * row + kx * tap;
#pragma GCC unroll 8
        for (int j = 0; j < kUnroll; ++j) sum[j] += w * load(at + j * step);
      }
    }
    for (int j = 0; j < kUnroll; ++j) store(out + j * channels, sum[j]);
  }

  template <int K, bool kAdd>
  static void depthwise_row(const T* in, int64_t row, int64_t tap, int64_t step, int64_t width, int64_t channels,
                            const T* weight, T* out) {
    for (int64_t c = 0; c < channels; c += L) {
      int64_t x = 0;
      for (; x + 8 <= width; x += 8) {
        depthwise_pixels<K, kAdd, 8>(in + c + x * step, row, tap, step, channels, weight + c, out + c + x * channels);
      }
      for (; x < width; ++x) {
        depthwise_pixels<K, kAdd, 1>(in + c + x * step, row, tap, step, channels, weight + c, out + c + x * channels);
      }
    }
  }

  template <bool kAdd>
  static void depthwise_row(int64_t kernel, const T* in, int64_t row, int64_t tap, int64_t step, int64_t width,
                            int64_t channels, const T* weight, T* out) {
    (kernel == 3 ? depthwise_row<3, kAdd> : depthwise_row<5, kAdd>)(in, row, tap, step, width, channels, weight, out);
  }

  // Rows [first, last) of the unit's depthwise convolution into `out` [rows * out_width, channels].
  static void depthwise_rows(const UnitShape& s, const T* padded, const T* weight, int64_t first, int64_t last,
                             T* out) {
    const int64_t row = (s.width + 2 * kBorder) * s.channels, origin = kBorder - s.padding();
    for (int64_t y = first; y < last; ++y, out += s.out_width() * s.channels) {
      depthwise_row<false>(s.kernel, padded + (y * s.stride + origin) * row + origin * s.channels, row * s.dilation,
                           s.dilation * s.channels, s.stride * s.channels, s.out_width(), s.channels, weight, out);
    }
  }

  // A block of out = in w: J rows, B vectors of columns.
  template <int J, int B>
  ARCHLEAK_INLINE void product_block(const T* in, const T* w, int64_t channels, T* out) {
    Vector sum[J][B] = {};
    for (int64_t k = 0; k < channels; ++k) {
      Vector v[B];
#pragma GCC unroll 4
      for (int b = 0; b < B; ++b) v[b] = load(w + k * channels + b * L);
#pragma GCC unroll 8
      for (int j = 0; j < J; ++j) {
#pragma GCC unroll 4
        for (int b = 0; b < B; ++b) sum[j][b] += in[j * channels + k] * v[b];
      }
    }
    for (int j = 0; j < J; ++j) {
      for (int b = 0; b < B; ++b) store(out + j * channels + b * L, sum[j][b]);
    }
  }

  template <int B>
  static void product_columns(const T* in, const T* w, int64_t rows, int64_t channels, T* out) {
    int64_t i = 0;
    for (; i + 8 <= rows; i += 8) product_block<8, B>(in + i * channels, w, channels, out + i * channels);
    for (; i < rows; ++i) product_block<1, B>(in + i * channels, w, channels, out + i * channels);
  }

  // out [rows, channels] = in [rows, channels] w [channels, channels].
  static void product(const T* in, const T* w, int64_t rows, int64_t channels, T* out) {
    int64_t c = 0;
    for (; c + 2 * L <= channels; c += 2 * L) product_columns<2>(in, w + c, rows, channels, out + c);
    for (; c < channels; c += L) product_columns<1>(in, w + c, rows, channels, out + c);
  }

  // out [J, B vectors] += left^T right, summed over rows.
  template <int J, int B>
  ARCHLEAK_INLINE void outer_block(const T* left, const T* right, int64_t rows, int64_t channels, T* out) {
    Vector sum[J][B] = {};
    for (int64_t i = 0; i < rows; ++i) {
      Vector v[B];
#pragma GCC unroll 4
      for (int b = 0; b < B; ++b) v[b] = load(right + i * channels + b * L);
#pragma GCC unroll 8
      for (int j = 0; j < J; ++j) {
#pragma GCC unroll 4
        for (int b = 0; b < B; ++b) sum[j][b] += left[i * channels + j] * v[b];
      }
    }
    for (int j = 0; j < J; ++j) {
      for (int b = 0; b < B; ++b) add(out + j * channels + b * L, sum[j][b]);
    }
  }

  template <int B>
  static void outer_columns(const T* left, const T* right, int64_t rows, int64_t channels, T* out) {
    int64_t j = 0;
    for (; j + 8 <= channels; j += 8) outer_block<8, B>(left + j, right, rows, channels, out + j * channels);
    for (; j < channels; ++j) outer_block<1, B>(left + j, right, rows, channels, out + j * channels);
  }

  // out [channels, channels] += left^T right, both [rows, channels].
  static void outer(const T* left, const T* right, int64_t rows, int64_t channels, T* out) {
    int64_t c = 0;
    for (; c + 2 * L <= channels; c += 2 * L) outer_columns<2>(left, right + c, rows, channels, out + c);
    for (; c < channels; c += L) outer_columns<1>(left, right + c, rows, channels, out + c);
  }

  static void sum_squares(const T* y, int64_t pixels, int64_t channels, double* sums) {
    for (int64_t first = 0; first < pixels; first += kTile) {
      const int64_t last = first + kTile < pixels ? first + kTile : pixels;
      for (int64_t c = 0; c < channels; c += L) {
        Vector sum{}, square{};
        for (int64_t i = first; i < last; ++i) {
          const Vector v = load(y + i * channels + c);
          sum += v;
          square += v * v;
        }
        add_sum(sums + c, sum);
        add_sum(sums + channels + c, square);
      }
    }
  }

  static int64_t tile_rows(const UnitShape& s) {
    return s.out_width() >= kTile ? 1 : kTile / s.out_width();
  }

  static void unit_forward(const UnitShape& s, const T* padded, const T* depthwise, const T* pointwise, T* y,
                           double* sums, T* scratch) {
    const int64_t rows = tile_rows(s);
    for (int64_t first = 0; first < s.out_height(); first += rows) {
      const int64_t last = first + rows < s.out_height() ? first + rows : s.out_height();
      const int64_t pixels = (last - first) * s.out_width();
      depthwise_rows(s, padded, depthwise, first, last, scratch);
      product(scratch, pointwise, pixels, s.channels, y);
      sum_squares(y, pixels, s.channels, sums);
      y += pixels * s.channels;
    }
  }

  static void norm_gradient(const NormGradient<T>& from, int64_t first, int64_t pixels, int64_t channels, T* out) {
    const T* g = from.g + first * from.stride;
    const T* y = from.y + first * channels;
    for (int64_t c = 0; c < channels; c += L) {
      const Vector a = load(from.a + c), b = load(from.b + c), k = load(from.c + c);
      for (int64_t i = 0; i < pixels; ++i) {
        store(out + i * channels + c, load(g + i * from.stride + c) * a + (load(y + i * channels + c) * k + b));
      }
    }
  }

  // weight [taps, channels] += sum over outputs of input (padded) times output gradient (spread, see unit_backward).
  template <int K>
  static void depthwise_gradient(const UnitShape& s, const T* padded, const T* spread, T* weight) {
    const int64_t channels = s.channels, origin = kBorder - s.padding(), border = s.padding();
    const int64_t row = (s.width + 2 * kBorder) * channels, spread_row = (s.width + 2 * border) * channels;
    for (int64_t c = 0; c < channels; c += L) {
      Vector sum[K * K] = {};
      for (int64_t y = 0; y < s.out_height(); ++y) {
        const T* in = padded + (y * s.stride + origin) * row + origin * channels + c;
        const T* d = spread + (y * s.stride + border) * spread_row + border * channels + c;
        for (int64_t x = 0; x < s.out_width(); ++x) {
          const Vector g = load(d + x * s.stride * channels);
          const T* at = in + x * s.stride * channels;
#pragma GCC unroll 5
          for (int ky = 0; ky < K; ++ky) {
#pragma GCC unroll 5
            for (int kx = 0; kx < K; ++kx) {
              sum[ky * K + kx] += g * load(at + ky * s.dilation * row + kx * s.dilation * channels);
            }
          }
        }
      }
      for (int t = 0; t < K * K; ++t) add(weight + t * channels + c, sum[t]);
    }
  }

  static void unit_backward(const UnitShape& s, const T* padded, const T* depthwise, const T* flipped,
                            const T* pointwise, const NormGradient<T>& gradient, T* input_gradient,
                            T* depthwise_weight_gradient, T* pointwise_gradient, T* scratch) {
    const int64_t channels = s.channels, border = s.padding(), rows = tile_rows(s), tile = rows * s.out_width();
    const int64_t row = (s.width + 2 * border) * channels;
    T* dy = scratch;
    T* deep = dy + tile * channels;
    // The depthwise output's gradient, its pixels `stride` apart with zeros between and around: the input's gradient is
    // then one more depthwise convolution.
    T* spread = deep + tile * channels;
    clear(spread, (s.height + 2 * border) * row);
    for (int64_t first = 0; first < s.out_height(); first += rows) {
      const int64_t last = first + rows < s.out_height() ? first + rows : s.out_height();
      const int64_t pixels = (last - first) * s.out_width();
      norm_gradient(gradient, first * s.out_width(), pixels, channels, dy);
      if (pointwise_gradient) {
        depthwise_rows(s, padded, depthwise, first, last, deep);
        outer(dy, deep, pixels, channels, pointwise_gradient);
      }
      if (s.stride == 1) {
        for (int64_t y = first; y < last; ++y) {
          product(dy + (y - first) * s.width * channels, pointwise, s.width, channels,
                  spread + (y + border) * row + border * channels);
        }
        continue;
      }
      product(dy, pointwise, pixels, channels, deep);
      for (int64_t i = 0; i < pixels; ++i) {
        const int64_t y = first + i / s.out_width(), x = i % s.out_width();
        T* to = spread + (y * s.stride + border) * row + (x * s.stride + border) * channels;
        for (int64_t c = 0; c < channels; c += L) store(to + c, load(deep + i * channels + c));
      }
    }
    if (depthwise_weight_gradient) {
      (s.kernel == 3 ? depthwise_gradient<3> : depthwise_gradient<5>)(s, padded, spread, depthwise_weight_gradient);
    }
    for (int64_t y = 0; y < s.height; ++y) {
      depthwise_row<true>(s.kernel, spread + y * row, row * s.dilation, s.dilation * channels, channels, s.width,
                          channels, flipped, input_gradient + y * s.width * channels);
    }
  }

  // The taps of a 3-wide window at `center` that lie in 0..size-1.
  ARCHLEAK_INLINE int64_t first_tap(int64_t center) {
    return center == 0 ? 1 : 0;
  }
  ARCHLEAK_INLINE int64_t last_tap(int64_t center, int64_t size) {
    return center == size - 1 ? 1 : 2;
  }

  static void pool_forward(const UnitShape& s, const T* x, int64_t stride, T* out, uint8_t* index, double* sums) {
    const int64_t channels = s.channels, row = s.width * stride;
    T* y = out;
    for (int64_t cy = 0; cy < s.height; cy += s.stride) {
      for (int64_t cx = 0; cx < s.width; cx += s.stride, y += channels) {
        const int64_t y0 = first_tap(cy), y1 = last_tap(cy, s.height), x0 = first_tap(cx), x1 = last_tap(cx, s.width);
        const T* center = x + cy * row + cx * stride;
        const T share = T(1) / T((y1 - y0 + 1) * (x1 - x0 + 1));
        for (int64_t c = 0; c < channels; c += L) {
          if (index) {
            Vector best = load(center + (y0 - 1) * row + (x0 - 1) * stride + c);
            auto chosen = (best != best) & 0;
            chosen += static_cast<int>(3 * y0 + x0);
            for (int64_t ky = y0; ky <= y1; ++ky) {
              for (int64_t kx = x0; kx <= x1; ++kx) {
                const Vector v = load(center + (ky - 1) * row + (kx - 1) * stride + c);
                const auto better = (v > best) | (v != v);
                chosen = better ? (chosen & 0) + static_cast<int>(3 * ky + kx) : chosen;
                best = better ? v : best;
              }
            }
            store(y + c, best);
            for (int i = 0; i < L; ++i) index[c + i] = static_cast<uint8_t>(chosen[i]);
          } else {
            Vector sum{};
            for (int64_t ky = y0; ky <= y1; ++ky) {
              for (int64_t kx = x0; kx <= x1; ++kx) sum += load(center + (ky - 1) * row + (kx - 1) * stride + c);
            }
            store(y + c, sum * share);
          }
        }
        if (index) index += channels;
      }
    }
    sum_squares(out, s.out_height() * s.out_width(), channels, sums);
  }

  static void pool_backward(const UnitShape& s, const uint8_t* index, const NormGradient<T>& gradient,
                            T* input_gradient, T* scratch) {
    const int64_t channels = s.channels, row = s.width * channels;
    norm_gradient(gradient, 0, s.out_height() * s.out_width(), channels, scratch);
    const T* d = scratch;
    for (int64_t cy = 0; cy < s.height; cy += s.stride) {
      for (int64_t cx = 0; cx < s.width; cx += s.stride, d += channels) {
        const int64_t y0 = first_tap(cy), y1 = last_tap(cy, s.height), x0 = first_tap(cx), x1 = last_tap(cx, s.width);
        T* center = input_gradient + cy * row + cx * channels;
        const T share = T(1) / T((y1 - y0 + 1) * (x1 - x0 + 1));
        for (int64_t c = 0; c < channels; c += L) {
          Vector g = load(d + c);
          if (index) {
            auto chosen = (g != g) & 0;
            for (int i = 0; i < L; ++i) chosen[i] = index[c + i];
            for (int64_t ky = y0; ky <= y1; ++ky) {
              for (int64_t kx = x0; kx <= x1; ++kx) {
                add(center + (ky - 1) * row + (kx - 1) * channels + c,
                    chosen == static_cast<int>(3 * ky + kx) ? g : Vector{});
              }
            }
          } else {
            g *= share;
            for (int64_t ky = y0; ky <= y1; ++ky) {
              for (int64_t kx = x0; kx <= x1; ++kx) add(center + (ky - 1) * row + (kx - 1) * channels + c, g);
            }
          }
        }
        if (index) index += channels;
      }
    }
  }

  static void mix(const MixtureTerm<T>* terms, int64_t count, const T* shift, int64_t pixels, int64_t channels, T* out,
                  int64_t stride) {
    for (int64_t i = 0; i < pixels; ++i) {
      for (int64_t c = 0; c < channels; c += L) {
        Vector sum = load(shift + c);
        for (int64_t t = 0; t < count; ++t)
          sum += load(terms[t].y + i * terms[t].stride + c) * load(terms[t].scale + c);
        store(out + i * stride + c, sum);
      }
    }
  }

  static void mix_sums(const T* g, int64_t stride, const MixtureTerm<T>* terms, int64_t count, int64_t pixels,
                       int64_t channels, double* sums) {
    for (int64_t first = 0; first < pixels; first += kTile) {
      const int64_t last = first + kTile < pixels ? first + kTile : pixels;
      for (int64_t c = 0; c < channels; c += L) {
        Vector sum{};
        for (int64_t i = first; i < last; ++i) sum += load(g + i * stride + c);
        add_sum(sums + c, sum);
        for (int64_t t = 0; t < count; ++t) {
          const Vector scale = load(terms[t].scale + c), shift = load(terms[t].shift + c);
          const T* y = terms[t].y + c;
          const auto term = [&](int64_t i) __attribute__((always_inline)) {
            return load(g + i * stride + c) * (load(y + i * terms[t].stride) * scale + shift);
          };
          Vector even{}, odd{};
          int64_t i = first;
          for (; i + 2 <= last; i += 2) {
            even += term(i);
            odd += term(i + 1);
          }
          if (i < last) even += term(i);
          add_sum(sums + (t + 1) * channels + c, even + odd);
        }
      }
    }
  }

  static void unrectify(const T* y, const T* scale, const T* shift, int64_t pixels, int64_t channels, T* d,
                        double* sums) {
    for (int64_t first = 0; first < pixels; first += kTile) {
      const int64_t last = first + kTile < pixels ? first + kTile : pixels;
      for (int64_t c = 0; c < channels; c += L) {
        const Vector s = load(scale + c), t = load(shift + c);
        Vector sum{}, product{};
        for (int64_t i = first; i < last; ++i) {
          const Vector v = load(y + i * channels + c) * s + t;
          const Vector g = v > Vector{} ? load(d + i * channels + c) : Vector{};
          store(d + i * channels + c, g);
          sum += g;
          product += g * v;
        }
        add_sum(sums + c, sum);
        add_sum(sums + channels + c, product);
      }
    }
  }

  static void accumulate(const T* x, int64_t x_stride, const T* raw, const T* rectified, int64_t pixels,
                         int64_t channels, T* into, int64_t into_stride) {
    for (int64_t i = 0; i < pixels; ++i) {
      for (int64_t c = 0; c < channels; c += L) {
        const Vector through = load(x + i * x_stride + c) > Vector{} ? load(rectified + i * channels + c) : Vector{};
        add(into + i * into_stride + c, load(raw + i * channels + c) + through);
      }
    }
  }

  static constexpr FusedKernels<T> kTable{rectify, unit_forward, unit_backward, pool_forward, pool_backward,
                                          mix,     mix_sums,     unrectify,     accumulate};
};

}  // namespace

template <typename T>
const FusedKernels<T>& table(int64_t channels) {
  if constexpr (ARCHLEAK_LANES >= 16) {
    if (channels % 16 == 0) return Kernels<T, 16>::kTable;
  }
  if constexpr (ARCHLEAK_LANES >= 8) {
    if (channels % 8 == 0) return Kernels<T, 8>::kTable;
  }
  if (channels % 4 == 0) return Kernels<T, 4>::kTable;
  return Kernels<T, 1>::kTable;
}

template const FusedKernels<float>& table<float>(int64_t);
template const FusedKernels<double>& table<double>(int64_t);

#undef ARCHLEAK_INLINE

}  // namespace archleak::nas::ARCHLEAK_ISA
