#include "nas/fused_pass.h"

#include <algorithm>
#include <array>

#include "nas/fused_kernels.h"
#include "nas/fused_parts.h"

namespace archleak::nas {
namespace {

using torch::Tensor;

// What an edge writes and normalises: the six separable units in the order of their filters, then the pools.
enum Slot { kFirst3, kSecond3, kFirst5, kSecond5, kDilation3, kDilation5, kMax, kAverage, kSlots };
constexpr int kUnits = 6;
constexpr std::array kSlotOfPrimitive{
    -1, int{kMax}, int{kAverage}, -1, int{kSecond3}, int{kSecond5}, int{kDilation3}, int{kDilation5}};
constexpr int kTerms = kOperations - 1;  // of an edge in the mixture: all but "none"

template <typename T>
struct EdgePass {
  int64_t from, stride;
  std::array<UnitShape, kUnits> shapes;
  UnitShape pool;
  std::array<Filters<T>, kUnits> filters;
  std::array<Normalisation<T>, kSlots> norms;
  Tensor outputs;  // [slots, batch, pixels, channels] before normalisation
  Tensor index;    // of the maximum, uint8
  Tensor skip;     // at stride 2: what skip_connect gives
};

template <typename T>
class Pass : public FusedPass {
 public:
  Pass(const Cell& cell, const Tensor& first, const Tensor& second, const Tensor& weights, at::TensorList skips,
       at::TensorList filters, bool with_backward)
      : shape_(cell.shape),
        images_(first.size(0)),
        height_((first.size(2) + cell.edges[0]->stride - 1) / cell.edges[0]->stride),
        width_((first.size(3) + cell.edges[0]->stride - 1) / cell.edges[0]->stride),
        image_size_(height_ * width_ * cell.shape.channels),
        weights_(weights.detach().clone()),
        with_backward_(with_backward),
        kernels_(fused_kernels<T>(cell.shape.channels)),
        zeros_(cell.shape.channels, T(0)),
        ones_(cell.shape.channels, T(1)) {
    for (const Tensor& state : {first, second}) states_.push_back(plane(state.detach()));
    size_t skip = 0, filter = 0;
    for (int64_t node = 0, e = 0; node < shape_.steps; ++node) {
      for (int64_t from = 0; from < node + 2; ++from, ++e) {
        const Edge& edge = *cell.edges[e];
        EdgePass<T>& pass = edges_.emplace_back();
        pass.from = from;
        pass.stride = edge.stride;
        if (edge.stride == 2) pass.skip = skips[skip++].detach();
        const int64_t in_height = from < 2 ? first.size(2) : height_, in_width = from < 2 ? first.size(3) : width_;
        pass.pool = {in_height, in_width, shape_.channels, 3, edge.stride, 1};
        pass.norms[kMax].module = static_cast<Pool&>(*edge.operations[kMaxPool]).norm.get();
        pass.norms[kAverage].module = static_cast<Pool&>(*edge.operations[kAveragePool]).norm.get();
        int slot = 0;
        for (int64_t i = kSeparable3; i <= kDilated5; ++i) {
          for (const SeparableUnit& unit : static_cast<Separable&>(*edge.operations[i]).units) {
            const bool second_half = slot == kSecond3 || slot == kSecond5;
            pass.shapes[slot] = {second_half ? height_ : in_height,
                                 second_half ? width_ : in_width,
                                 shape_.channels,
                                 unit.kernel,
                                 unit.stride,
                                 unit.dilation};
            pass.filters[slot].pack(filters[filter], filters[filter + 1]);
            pass.norms[slot].module = unit.norm.get();
            filter += 2;
            ++slot;
          }
        }
      }
    }
  }

  size_t skip_count() const override {
    return std::count_if(edges_.begin(), edges_.end(), [](const auto& edge) { return edge.stride == 2; });
  }
  size_t filter_count() const override { return edges_.size() * 2 * kUnits; }

  Tensor forward() override {
    const int64_t channels = shape_.channels, width = shape_.multiplier * channels;
    const Tensor output = torch::empty({images_, width, height_, width_}, options());
    for (int64_t node = 0; node < shape_.steps; ++node) {
      const int64_t place = node - (shape_.steps - shape_.multiplier);
      Plane<T> plane{output.detach(), output.data_ptr<T>() + place * channels, width, height_, width_};
      if (place < 0) plane = empty_plane();
      states_.push_back(plane);
      first_halves(node);
      second_halves(node);
      mixture(node);
      for (EdgePass<T>* edge : edges_of(node)) {
        if (!with_backward_) edge->outputs = edge->index = Tensor();
      }
    }
    return output;
  }

  std::vector<Tensor> backward(const Tensor& output_gradient, Wanted wanted) override {
    wanted_ = wanted;
    const int64_t channels = shape_.channels;
    const Tensor given = output_gradient.contiguous(torch::MemoryFormat::ChannelsLast);
    gradients_.clear();
    for (int64_t i = 0; i < shape_.steps + 2; ++i) {
      const int64_t place = i - 2 - (shape_.steps - shape_.multiplier);
      const int64_t height = states_[i].height, width = states_[i].width;
      gradients_.push_back(plane(torch::empty({images_, channels, height, width}, options())));
      if (i < 2 || place < 0) {
        gradients_[i].memory.zero_();
      } else {
        gradients_[i].memory.copy_(given.slice(1, place * channels, (place + 1) * channels));
      }
    }
    weights_gradient_ = torch::zeros_like(weights_);
    skip_gradients_.assign(edges_.size(), Tensor());
    filter_gradients_.assign(filter_count(), Tensor());
    for (int64_t node = shape_.steps - 1; node >= 0; --node) node_backward(node);

    std::vector<Tensor> result;
    for (int i = 0; i < 2; ++i) result.push_back(wanted.states[i] ? gradients_[i].memory : Tensor());
    result.push_back(weights_gradient_);
    for (size_t e = 0; e < edges_.size(); ++e) {
      if (edges_[e].stride == 2) result.push_back(skip_gradients_[e]);
    }
    result.insert(result.end(), filter_gradients_.begin(), filter_gradients_.end());
    gradients_.clear();
    return result;
  }

 private:
  struct NodeGradient {
    std::vector<std::array<Coefficients<T>, kSlots>> coefficients;  // by edge
    std::vector<std::array<Tensor, 2>> halves;  // gradient of the separable convolutions' normalised first halves
    std::vector<EdgePass<T>*> edges;
    int64_t first_edge;
    Plane<T> g;
    std::unique_ptr<Partials<T>> filters;
    int64_t filters_size;  // of an edge
  };

  at::TensorOptions options() const { return weights_.options().memory_format(torch::MemoryFormat::ChannelsLast); }
  double count() const { return static_cast<double>(images_ * height_ * width_); }
  T weight(int64_t edge, int64_t primitive) const { return weights_.data_ptr<T>()[edge * kOperations + primitive]; }
  static int64_t first_edge(int64_t node) { return edge_count(node); }

  Plane<T> plane(const Tensor& tensor) const {
    return {tensor, tensor.data_ptr<T>(), tensor.size(1), tensor.size(2), tensor.size(3)};
  }
  Plane<T> empty_plane() const { return plane(torch::empty({images_, shape_.channels, height_, width_}, options())); }
  std::vector<EdgePass<T>*> edges_of(int64_t node) {
    std::vector<EdgePass<T>*> edges;
    for (int64_t i = 0; i < node + 2; ++i) edges.push_back(&edges_[first_edge(node) + i]);
    return edges;
  }
  T* output(const EdgePass<T>& edge, int slot, int64_t n) const {
    return edge.outputs.template data_ptr<T>() + (slot * images_ + n) * image_size_;
  }
  int64_t largest(int64_t (UnitShape::*size)() const) const {
    int64_t most = 0;
    for (const auto& edge : edges_) {
      for (const auto& unit : edge.shapes) most = std::max(most, (unit.*size)());
    }
    return most;
  }

  // Everything that reads a state directly, and its sums.
  void first_halves(int64_t node) {
    const int64_t channels = shape_.channels, sums_size = 2 * channels;
    const auto edges = edges_of(node);
    Partials<double> partials(images_, edges.size() * kSlots * sums_size);
    for (EdgePass<T>* edge : edges) {
      edge->outputs = torch::empty({kSlots, images_, image_size_}, weights_.options());
      edge->index = torch::empty({images_, image_size_}, torch::kUInt8);
    }
    for_chunks(images_, [&](int64_t chunk, int64_t begin, int64_t end) {
      std::vector<T> padded(largest(&UnitShape::padded_size)), scratch(largest(&UnitShape::scratch_size));
      for (int64_t n = begin; n < end; ++n) {
        for (size_t e = 0; e < edges.size(); ++e) {
          const EdgePass<T>& edge = *edges[e];
          const Plane<T>& x = states_[edge.from];
          double* sums = partials.of(chunk) + e * kSlots * sums_size;
          kernels_.rectify(x.image(n), x.stride, x.height, x.width, channels, nullptr, nullptr, padded.data());
          for (const Slot slot : {kFirst3, kFirst5, kDilation3, kDilation5}) {
            const Filters<T>& filters = edge.filters[slot];
            kernels_.unit_forward(edge.shapes[slot], padded.data(), filters.depthwise.data(),
                                  filters.pointwise_turned.data(), output(edge, slot, n), sums + slot * sums_size,
                                  scratch.data());
          }
          kernels_.pool_forward(edge.pool, x.image(n), x.stride, output(edge, kMax, n),
                                edge.index.template data_ptr<uint8_t>() + n * image_size_, sums + kMax * sums_size);
          kernels_.pool_forward(edge.pool, x.image(n), x.stride, output(edge, kAverage, n), nullptr,
                                sums + kAverage * sums_size);
        }
      }
    });
    const std::vector<double> sums = partials.total();
    for (size_t e = 0; e < edges.size(); ++e) {
      for (const Slot slot : {kFirst3, kFirst5, kDilation3, kDilation5, kMax, kAverage}) {
        edges[e]->norms[slot].finish(sums.data() + (e * kSlots + slot) * sums_size, channels, count());
      }
    }
  }

  // The second halves of the separable convolutions, which need their first halves' statistics.
  void second_halves(int64_t node) {
    const int64_t channels = shape_.channels, sums_size = 2 * channels;
    const auto edges = edges_of(node);
    Partials<double> partials(images_, edges.size() * kSlots * sums_size);
    for_chunks(images_, [&](int64_t chunk, int64_t begin, int64_t end) {
      std::vector<T> padded(largest(&UnitShape::padded_size)), scratch(largest(&UnitShape::scratch_size));
      for (int64_t n = begin; n < end; ++n) {
        for (size_t e = 0; e < edges.size(); ++e) {
          for (const Slot slot : {kSecond3, kSecond5}) {
            const EdgePass<T>& edge = *edges[e];
            const Normalisation<T>& norm = edge.norms[slot - 1];
            kernels_.rectify(output(edge, slot - 1, n), channels, height_, width_, channels, norm.scale.data(),
                             norm.shift.data(), padded.data());
            const Filters<T>& filters = edge.filters[slot];
            kernels_.unit_forward(edge.shapes[slot], padded.data(), filters.depthwise.data(),
                                  filters.pointwise_turned.data(), output(edge, slot, n),
                                  partials.of(chunk) + (e * kSlots + slot) * sums_size, scratch.data());
          }
        }
      }
    });
    const std::vector<double> sums = partials.total();
    for (size_t e = 0; e < edges.size(); ++e) {
      for (const Slot slot : {kSecond3, kSecond5}) {
        edges[e]->norms[slot].finish(sums.data() + (e * kSlots + slot) * sums_size, channels, count());
      }
    }
  }

  // The terms of a node's mixture for image `n`, normalised but not weighed.
  std::vector<MixtureTerm<T>> terms(const std::vector<EdgePass<T>*>& edges, int64_t n) const {
    std::vector<MixtureTerm<T>> result;
    for (const EdgePass<T>* edge : edges) {
      for (int64_t primitive = kNone + 1; primitive < kOperations; ++primitive) {
        const Plane<T>& from = states_[edge->from];
        if (primitive != kSkip) {
          const int slot = kSlotOfPrimitive[primitive];
          const Normalisation<T>& norm = edge->norms[slot];
          result.push_back({output(*edge, slot, n), shape_.channels, norm.scale.data(), norm.shift.data()});
        } else if (edge->stride == 2) {
          const T* skip = edge->skip.template data_ptr<T>() + n * image_size_;
          result.push_back({skip, shape_.channels, ones_.data(), zeros_.data()});
        } else {
          result.push_back({from.image(n), from.stride, ones_.data(), zeros_.data()});
        }
      }
    }
    return result;
  }

  void mixture(int64_t node) {
    const int64_t channels = shape_.channels;
    const auto edges = edges_of(node);
    std::vector<T> scales(edges.size() * kTerms * channels);
    std::vector<double> constant(channels);
    T* scale = scales.data();
    for (size_t e = 0; e < edges.size(); ++e) {
      for (int64_t primitive = kNone + 1; primitive < kOperations; ++primitive, scale += channels) {
        const T alpha = weight(first_edge(node) + e, primitive);
        std::fill_n(scale, channels, alpha);
        if (primitive == kSkip) continue;
        const Normalisation<T>& norm = edges[e]->norms[kSlotOfPrimitive[primitive]];
        for (int64_t c = 0; c < channels; ++c) {
          scale[c] = alpha * norm.scale[c];
          constant[c] += static_cast<double>(alpha) * norm.shift[c];
        }
      }
    }
    const std::vector<T> shift(constant.begin(), constant.end());
    const Plane<T>& to = states_[node + 2];
    for_chunks(images_, [&](int64_t, int64_t begin, int64_t end) {
      for (int64_t n = begin; n < end; ++n) {
        auto list = terms(edges, n);
        for (size_t i = 0; i < list.size(); ++i) list[i].scale = scales.data() + i * channels;
        kernels_.mix(list.data(), list.size(), shift.data(), to.pixels(), channels, to.image(n), to.stride);
      }
    });
  }

  void node_backward(int64_t node) {
    const int64_t channels = shape_.channels;
    NodeGradient work;
    work.edges = edges_of(node);
    work.first_edge = first_edge(node);
    work.g = gradients_[node + 2];
    work.coefficients.resize(work.edges.size());
    work.halves.resize(work.edges.size());
    work.filters_size = 0;
    for (const UnitShape& unit : work.edges[0]->shapes) work.filters_size += (unit.taps() + channels) * channels;
    if (wanted_.filters) {
      work.filters = std::make_unique<Partials<T>>(images_, work.edges.size() * work.filters_size);
    }
    mixture_backward(work);
    second_halves_backward(work);
    first_halves_backward(work);
    if (wanted_.filters) store_filter_gradients(work);
  }

  // The gradient with respect to the mixture's weights, and the coefficients of all that the mixture normalises.
  void mixture_backward(NodeGradient& work) {
    const int64_t channels = shape_.channels;
    Partials<double> partials(images_, (1 + work.edges.size() * kTerms) * channels);
    for_chunks(images_, [&](int64_t chunk, int64_t begin, int64_t end) {
      for (int64_t n = begin; n < end; ++n) {
        const auto list = terms(work.edges, n);
        kernels_.mix_sums(work.g.image(n), work.g.stride, list.data(), list.size(), work.g.pixels(), channels,
                          partials.of(chunk));
      }
    });
    const std::vector<double> sums = partials.total();
    const double* gy = sums.data() + channels;
    for (size_t e = 0; e < work.edges.size(); ++e) {
      const int64_t edge = work.first_edge + e;
      for (int64_t primitive = kNone + 1; primitive < kOperations; ++primitive, gy += channels) {
        double along = 0;
        if (primitive == kSkip) {
          for (int64_t c = 0; c < channels; ++c) along += gy[c];
        } else {
          const int slot = kSlotOfPrimitive[primitive];
          along = work.coefficients[e][slot].finish(work.edges[e]->norms[slot], weight(edge, primitive), sums.data(),
                                                    gy, count());
        }
        weights_gradient_.data_ptr<T>()[edge * kOperations + primitive] = static_cast<T>(along);
      }
    }
  }

  bool is_wanted(const EdgePass<T>& edge) const {
    return wanted_.filters || edge.from >= 2 || wanted_.states[edge.from];
  }

  // Where a unit's gradients are summed, or null: depthwise [taps, channels], then pointwise [out, in].
  T* filter_sums(NodeGradient& work, int64_t chunk, size_t e, int slot) const {
    if (!wanted_.filters) return nullptr;
    T* sums = work.filters->of(chunk) + e * work.filters_size;
    for (int i = 0; i < slot; ++i) sums += (work.edges[e]->shapes[i].taps() + shape_.channels) * shape_.channels;
    return sums;
  }

  void unit_backward(NodeGradient& work, int64_t chunk, size_t e, int slot, const T* padded,
                     const NormGradient<T>& gradient, T* input_gradient, T* scratch) {
    const UnitShape& unit = work.edges[e]->shapes[slot];
    const Filters<T>& filters = work.edges[e]->filters[slot];
    T* sums = filter_sums(work, chunk, e, slot);
    kernels_.unit_backward(unit, padded, filters.depthwise.data(), filters.flipped.data(), filters.pointwise.data(),
                           gradient, input_gradient, sums, sums ? sums + unit.taps() * unit.channels : nullptr,
                           scratch);
  }

  void second_halves_backward(NodeGradient& work) {
    const int64_t channels = shape_.channels;
    Partials<double> partials(images_, work.edges.size() * 4 * channels);
    for (size_t e = 0; e < work.edges.size(); ++e) {
      if (!is_wanted(*work.edges[e])) continue;
      for (Tensor& half : work.halves[e]) half = torch::empty({images_, image_size_}, weights_.options());
    }
    for_chunks(images_, [&](int64_t chunk, int64_t begin, int64_t end) {
      std::vector<T> padded(largest(&UnitShape::padded_size)), scratch(largest(&UnitShape::scratch_size));
      for (int64_t n = begin; n < end; ++n) {
        for (size_t e = 0; e < work.edges.size(); ++e) {
          const EdgePass<T>& edge = *work.edges[e];
          if (!is_wanted(edge)) continue;
          for (const Slot slot : {kSecond3, kSecond5}) {
            const Normalisation<T>& norm = edge.norms[slot - 1];
            const T* first = output(edge, slot - 1, n);
            if (wanted_.filters) {
              kernels_.rectify(first, channels, height_, width_, channels, norm.scale.data(), norm.shift.data(),
                               padded.data());
            }
            T* half = work.halves[e][slot / 2].template data_ptr<T>() + n * image_size_;
            std::fill_n(half, image_size_, T(0));
            unit_backward(work, chunk, e, slot, padded.data(),
                          work.coefficients[e][slot].of(work.g.image(n), work.g.stride, output(edge, slot, n)), half,
                          scratch.data());
            kernels_.unrectify(first, norm.scale.data(), norm.shift.data(), height_ * width_, channels, half,
                               partials.of(chunk) + (e * 2 + slot / 2) * 2 * channels);
          }
        }
      }
    });
    const std::vector<double> sums = partials.total();
    for (size_t e = 0; e < work.edges.size(); ++e) {
      for (const Slot slot : {kFirst3, kFirst5}) {
        const double* g = sums.data() + (e * 2 + slot / 2) * 2 * channels;
        work.coefficients[e][slot].finish(work.edges[e]->norms[slot], 1, g, g + channels, count());
      }
    }
  }

  void first_halves_backward(NodeGradient& work) {
    const int64_t channels = shape_.channels;
    std::vector<T> alphas(work.edges.size() * channels);
    for (size_t e = 0; e < work.edges.size(); ++e) {
      std::fill_n(alphas.data() + e * channels, channels, weight(work.first_edge + e, kSkip));
      if (work.edges[e]->stride == 2) skip_gradients_[work.first_edge + e] = empty_plane().memory;
    }
    for_chunks(images_, [&](int64_t chunk, int64_t begin, int64_t end) {
      std::vector<T> padded(largest(&UnitShape::padded_size)), scratch(largest(&UnitShape::scratch_size));
      std::vector<T> raw(padded.size()), rectified(padded.size());
      for (int64_t n = begin; n < end; ++n) {
        const T* g = work.g.image(n);
        for (size_t e = 0; e < work.edges.size(); ++e) {
          const EdgePass<T>& edge = *work.edges[e];
          const Plane<T>& x = states_[edge.from];
          const int64_t size = x.pixels() * channels;
          const MixtureTerm<T> skip{g, work.g.stride, alphas.data() + e * channels, nullptr};
          if (edge.stride == 2) {
            T* to = skip_gradients_[work.first_edge + e].template data_ptr<T>() + n * image_size_;
            kernels_.mix(&skip, 1, zeros_.data(), work.g.pixels(), channels, to, channels);
          }
          if (!is_wanted(edge)) continue;
          if (edge.stride == 1) {
            kernels_.mix(&skip, 1, zeros_.data(), x.pixels(), channels, raw.data(), channels);
          } else {
            std::fill_n(raw.data(), size, T(0));
          }
          std::fill_n(rectified.data(), size, T(0));
          if (wanted_.filters) {
            kernels_.rectify(x.image(n), x.stride, x.height, x.width, channels, nullptr, nullptr, padded.data());
          }
          const auto gradient = [&](Slot slot) {
            const T* y = output(edge, slot, n);
            const Coefficients<T>& by = work.coefficients[e][slot];
            if (slot != kFirst3 && slot != kFirst5) return by.of(g, work.g.stride, y);
            return by.of(work.halves[e][slot / 2].template data_ptr<T>() + n * image_size_, channels, y);
          };
          for (const Slot slot : {kFirst3, kFirst5, kDilation3, kDilation5}) {
            unit_backward(work, chunk, e, slot, padded.data(), gradient(slot), rectified.data(), scratch.data());
          }
          kernels_.pool_backward(edge.pool, edge.index.template data_ptr<uint8_t>() + n * image_size_, gradient(kMax),
                                 raw.data(), scratch.data());
          kernels_.pool_backward(edge.pool, nullptr, gradient(kAverage), raw.data(), scratch.data());
          const Plane<T>& into = gradients_[edge.from];
          kernels_.accumulate(x.image(n), x.stride, raw.data(), rectified.data(), x.pixels(), channels, into.image(n),
                              into.stride);
        }
      }
    });
  }

  void store_filter_gradients(NodeGradient& work) {
    const int64_t channels = shape_.channels;
    std::vector<T> sums = work.filters->total();
    T* at = sums.data();
    for (size_t e = 0; e < work.edges.size(); ++e) {
      for (int slot = 0; slot < kUnits; ++slot) {
        const int64_t kernel = work.edges[e]->shapes[slot].kernel, taps = kernel * kernel;
        Tensor* to = &filter_gradients_[((work.first_edge + e) * kUnits + slot) * 2];
        const Tensor by_channel = torch::from_blob(at, {taps, channels}, weights_.options()).t();
        to[0] = by_channel.clone(torch::MemoryFormat::Contiguous).view({channels, 1, kernel, kernel});
        at += taps * channels;
        to[1] = torch::from_blob(at, {channels, channels, 1, 1}, weights_.options()).clone();
        at += channels * channels;
      }
    }
  }

  const CellShape shape_;
  const int64_t images_, height_, width_, image_size_;
  const Tensor weights_;
  const bool with_backward_;
  const FusedKernels<T>& kernels_;
  const std::vector<T> zeros_, ones_;  // [channels]
  std::vector<Plane<T>> states_;
  std::vector<EdgePass<T>> edges_;

  Wanted wanted_{};
  std::vector<Plane<T>> gradients_;  // by state
  Tensor weights_gradient_;
  std::vector<Tensor> skip_gradients_, filter_gradients_;
};

}  // namespace

c10::intrusive_ptr<FusedPass> make_fused_pass(const Cell& cell, const Tensor& first, const Tensor& second,
                                              const Tensor& weights, at::TensorList skips, at::TensorList filters,
                                              bool with_backward) {
  if (first.scalar_type() == torch::kFloat32) {
    return c10::make_intrusive<Pass<float>>(cell, first, second, weights, skips, filters, with_backward);
  }
  return c10::make_intrusive<Pass<double>>(cell, first, second, weights, skips, filters, with_backward);
}

}  // namespace archleak::nas
