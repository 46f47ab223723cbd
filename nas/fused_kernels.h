#pragma once
#include <cstdint>

namespace archleak::nas {

/// A zero border of this width around a rectified image serves every operation (dilated 5x5 needs 4).
inline constexpr int64_t kBorder = 4;

/// Pixels that go through depthwise and pointwise convolution together, while they are in the first cache.
inline constexpr int64_t kTile = 64;

/// One separable unit's geometry: a depthwise convolution with padding dilation * (kernel - 1) / 2, then a pointwise
/// one; `channels` in and out.
struct UnitShape {
  int64_t height, width;  ///< of the input
  int64_t channels;
  int64_t kernel, stride, dilation;

  int64_t out_height() const { return (height + stride - 1) / stride; }
  int64_t out_width() const { return (width + stride - 1) / stride; }
  int64_t padding() const { return dilation * (kernel - 1) / 2; }
  int64_t taps() const { return kernel * kernel; }

  /// Elements of a rectified image with its border, and of the scratch memory that the kernels want.
  int64_t padded_size() const { return (height + 2 * kBorder) * (width + 2 * kBorder) * channels; }
  int64_t scratch_size() const { return 2 * (kTile + out_width()) * channels + padded_size(); }
};

/// The gradient with respect to a batch-normalised operation's output before normalisation, a g + b + c y by channel:
/// computed where it is read, never stored.
template <typename T>
struct NormGradient {
  const T* g;          ///< gradient after normalisation, pixels `stride` apart
  int64_t stride;      ///< in elements
  const T* y;          ///< the output before normalisation, `[pixels, channels]`
  const T *a, *b, *c;  ///< `[channels]`
};

/// One summand of a mixture: y `[pixels, channels]`, pixels `stride` apart, as y scale + shift by channel.
template <typename T>
struct MixtureTerm {
  const T* y;
  int64_t stride;
  const T* scale;  ///< `[channels]`
  const T* shift;  ///< `[channels]`; `mix` takes all shifts together instead
};

/// The inner loops of a fused cell for one image in NHWC and one instruction set.
///
/// Sums go to float64 `[2, channels]` and are added to; weight gradients are added to.
template <typename T>
struct FusedKernels {
  /// relu(x scale + shift) with a zero border, `[height + 2 border, width + 2 border, channels]`; no scale: relu(x).
  void (*rectify)(const T* x, int64_t stride, int64_t height, int64_t width, int64_t channels, const T* scale,
                  const T* shift, T* padded);

  /// y `[out pixels, channels]` and its sums (y, y y). `depthwise` is `[taps, channels]`, `pointwise` `[in, out]`.
  void (*unit_forward)(const UnitShape& shape, const T* padded, const T* depthwise, const T* pointwise, T* y,
                       double* sums, T* scratch);

  /// Adds to `input_gradient` `[pixels, channels]` (of the rectified input). `flipped` is depthwise with its taps
  /// reversed, `pointwise` `[out, in]`. `depthwise_gradient` `[taps, channels]` and `pointwise_gradient` `[out, in]`
  /// may be null together; `padded` and `depthwise` are read only for them.
  void (*unit_backward)(const UnitShape& shape, const T* padded, const T* depthwise, const T* flipped,
                        const T* pointwise, const NormGradient<T>& gradient, T* input_gradient, T* depthwise_gradient,
                        T* pointwise_gradient, T* scratch);

  /// Max (with `index`, the chosen tap of each output) or average (`index` null) pooling 3x3 and its sums (y, y y).
  void (*pool_forward)(const UnitShape& shape, const T* x, int64_t stride, T* y, uint8_t* index, double* sums);
  /// Adds to `input_gradient` `[pixels, channels]`; `scratch` holds one output.
  void (*pool_backward)(const UnitShape& shape, const uint8_t* index, const NormGradient<T>& gradient,
                        T* input_gradient, T* scratch);

  /// out = shift + sum of y scale; out's pixels are `stride` apart.
  void (*mix)(const MixtureTerm<T>* terms, int64_t count, const T* shift, int64_t pixels, int64_t channels, T* out,
              int64_t stride);
  /// Adds sum g to `sums[0]`, and sum g (y scale + shift) of every term to the following rows, `[1 + count, channels]`.
  void (*mix_sums)(const T* g, int64_t stride, const MixtureTerm<T>* terms, int64_t count, int64_t pixels,
                   int64_t channels, double* sums);

  /// d where y scale + shift > 0, else zero, in place, and its sums (d, d (y scale + shift)).
  void (*unrectify)(const T* y, const T* scale, const T* shift, int64_t pixels, int64_t channels, T* d, double* sums);
  /// into += raw + (rectified where x > 0); into and x have pixels `into_stride` and `x_stride` apart.
  void (*accumulate)(const T* x, int64_t x_stride, const T* raw, const T* rectified, int64_t pixels, int64_t channels,
                     T* into, int64_t into_stride);
};

/// The kernels for the widest vectors that divide `channels` and that this machine has. T is float or double.
template <typename T>
const FusedKernels<T>& fused_kernels(int64_t channels);

}  // namespace archleak::nas
