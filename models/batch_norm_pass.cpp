#include "models/batch_norm_pass.h"

#include <cmath>

#include "core/chunks.h"

namespace archleak::models {
namespace {

using torch::Tensor;
using torch::autograd::AutogradContext;
using torch::autograd::tensor_list;

// The images of a channels_last tensor: rows `[pixels, channels]`, one image after the other.
struct Images {
  explicit Images(const Tensor& tensor)
      : count(tensor.size(0)),
        channels(tensor.size(1)),
        pixels(tensor.numel() / std::max<int64_t>(1, count * channels)) {}
  int64_t values_a_channel() const { return count * pixels; }
  int64_t count, channels, pixels;
};

// [2, channels] in float64: the sums of g and of g (y scale + shift).
template <typename T>
std::vector<double> sums_of(const Images& images, const T* g, const T* y, const double* scale, const double* shift) {
  Partials<double> partials(images.count, 2 * images.channels);
  for_chunks(images.count, [&](int64_t chunk, int64_t first, int64_t end) {
    double* const sum = partials.of(chunk);
    double* const product = sum + images.channels;
    for (int64_t row = first * images.pixels; row < end * images.pixels; ++row) {
      const T* const g_row = g + row * images.channels;
      const T* const y_row = y + row * images.channels;
      for (int64_t c = 0; c < images.channels; ++c) {
        sum[c] += g_row[c];
        product[c] += g_row[c] * (y_row[c] * scale[c] + shift[c]);
      }
    }
  });
  return partials.total();
}

// out = g a + b + y c by channel.
template <typename T>
Tensor combine(const Images& images, const Tensor& g, const Tensor& y, const std::vector<double>& a,
               const std::vector<double>& b, const std::vector<double>& c) {
  Tensor out = torch::empty_like(y);
  const T* const from = g.data_ptr<T>();
  const T* const value = y.data_ptr<T>();
  T* const to = out.data_ptr<T>();
  const std::vector<T> a_t(a.begin(), a.end()), b_t(b.begin(), b.end()), c_t(c.begin(), c.end());
  for_chunks(images.count, [&](int64_t, int64_t first, int64_t end) {
    for (int64_t row = first * images.pixels; row < end * images.pixels; ++row) {
      for (int64_t i = 0, at = row * images.channels; i < images.channels; ++i, ++at) {
        to[at] = from[at] * a_t[i] + b_t[i] + value[at] * c_t[i];
      }
    }
  });
  return out;
}

template <typename T>
std::vector<double> widened(const Tensor& tensor, int64_t channels, double otherwise) {
  if (!tensor.defined()) return std::vector<double>(channels, otherwise);
  const T* const data = tensor.data_ptr<T>();
  return {data, data + channels};
}

// Mean and 1 / sqrt(variance + eps) of the batch, then y = x scale + shift.
struct Pass : torch::autograd::Function<Pass> {
  static Tensor forward(AutogradContext* context, const Tensor& input, const c10::optional<Tensor>& gain,
                        const c10::optional<Tensor>& offset, BatchNorm* norm) {
    const Tensor weight = gain.value_or(Tensor()), bias = offset.value_or(Tensor());
    const Images images(input);
    Tensor saved = torch::empty({2, images.channels}, torch::kFloat64);
    Tensor output;
    AT_DISPATCH_FLOATING_TYPES(input.scalar_type(), "batch_norm_pass", [&] {
      const std::vector<double> zeros(images.channels, 0), ones(images.channels, 1);
      const auto* const x = input.data_ptr<scalar_t>();
      const auto sums = sums_of(images, x, x, ones.data(), zeros.data());
      const auto count = static_cast<double>(images.values_a_channel());
      const BatchStatistics statistics = batch_statistics(sums.data(), images.channels, count);
      norm->track(statistics, count);
      const auto factor = widened<scalar_t>(weight, images.channels, 1);
      auto shift = widened<scalar_t>(bias, images.channels, 0);
      std::vector<double> scale(images.channels);
      auto* const mean = saved.data_ptr<double>();
      for (int64_t c = 0; c < images.channels; ++c) {
        mean[c] = statistics.mean[c];
        mean[images.channels + c] = 1 / std::sqrt(statistics.variance[c] + BatchNorm::kEpsilon);
        scale[c] = factor[c] * mean[images.channels + c];
        shift[c] -= mean[c] * scale[c];
      }
      output = combine<scalar_t>(images, input, input, scale, shift, zeros);
    });
    context->save_for_backward({input, weight, bias, saved});
    return output;
  }

  static tensor_list backward(AutogradContext* context, tensor_list gradients) {
    const auto saved = context->get_saved_variables();
    const Tensor &input = saved[0], &weight = saved[1], &bias = saved[2];
    if (torch::GradMode::is_enabled()) return through_library(input, weight, bias, gradients[0]);
    const Tensor gradient = gradients[0].contiguous(torch::MemoryFormat::ChannelsLast);
    const Images images(input);
    const int64_t channels = images.channels;
    const auto count = static_cast<double>(images.values_a_channel());
    const auto* const mean = saved[3].data_ptr<double>();
    const auto* const inverse = mean + channels;
    tensor_list result(4);
    AT_DISPATCH_FLOATING_TYPES(input.scalar_type(), "batch_norm_pass", [&] {
      std::vector<double> shift(channels);
      for (int64_t c = 0; c < channels; ++c) shift[c] = -mean[c] * inverse[c];
      const auto sums =
          sums_of(images, gradient.data_ptr<scalar_t>(), input.data_ptr<scalar_t>(), inverse, shift.data());
      const auto gain = widened<scalar_t>(weight, channels, 1);
      std::vector<double> a(channels), b(channels), c(channels);
      for (int64_t i = 0; i < channels; ++i) {
        const double slope = gain[i] * inverse[i] * inverse[i] * sums[channels + i] / count;
        a[i] = gain[i] * inverse[i];
        c[i] = -slope;
        b[i] = slope * mean[i] - gain[i] * inverse[i] * sums[i] / count;
      }
      result[0] = combine<scalar_t>(images, gradient, input, a, b, c);
      if (weight.defined()) {
        const Tensor both = torch::tensor(sums, torch::kFloat64).to(input.scalar_type());
        result[1] = both.slice(0, channels);
        result[2] = both.slice(0, 0, channels);
      }
    });
    return result;
  }

  static tensor_list through_library(const Tensor& input, const Tensor& weight, const Tensor& bias,
                                     const Tensor& gradient) {
    const Tensor output =
        torch::batch_norm(input, weight, bias, {}, {}, true, BatchNorm::kMomentum, BatchNorm::kEpsilon, false);
    tensor_list wanted{input};
    if (weight.defined()) wanted.insert(wanted.end(), {weight, bias});
    tensor_list result = torch::autograd::grad({output}, wanted, {gradient}, true, true);
    result.resize(4);
    return result;
  }
};

}  // namespace

bool has_batch_norm_pass(const Tensor& input) {
  const auto type = input.scalar_type();
  return input.dim() == 4 && input.is_cpu() && (type == torch::kFloat32 || type == torch::kFloat64) &&
         input.is_contiguous(torch::MemoryFormat::ChannelsLast) && input.numel() > input.size(1);
}

Tensor batch_norm_pass(BatchNorm& norm, const Tensor& input) {
  using Optional = c10::optional<Tensor>;
  const bool affine = norm.weight.defined();
  return Pass::apply(input, affine ? Optional(norm.weight) : Optional(), affine ? Optional(norm.bias) : Optional(),
                     &norm);
}

}  // namespace archleak::models
