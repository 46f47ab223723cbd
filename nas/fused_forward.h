#pragma once
#include "nas/fused_state.h"

namespace archleak::nas {

/// Computes a cell's nodes one after the other: what reads a state, with its sums; the second halves of the separable
/// convolutions, which need their first halves' statistics; the mixture.
template <typename T>
class FusedForward {
 public:
  explicit FusedForward(CellPass<T>& pass) : pass_(pass) {}

  /// The cell's output, `[batch, multiplier * channels, height, width]`. Without `with_backward` nothing is kept that
  /// only the backward pass reads.
  torch::Tensor run(bool with_backward) {
    const int64_t channels = pass_.shape.channels, width = pass_.shape.multiplier * channels;
    const torch::Tensor output = torch::empty({pass_.images, width, pass_.height, pass_.width}, pass_.options());
    for (int64_t node = 0; node < pass_.shape.steps; ++node) {
      const int64_t place = node - (pass_.shape.steps - pass_.shape.multiplier);
      Plane<T> plane{output.detach(), output.data_ptr<T>() + place * channels, width, pass_.height, pass_.width};
      if (place < 0) plane = pass_.empty_plane();
      pass_.states.push_back(plane);
      first_halves(node);
      second_halves(node);
      mixture(node);
      for (EdgePass<T>* edge : pass_.edges_of(node)) {
        if (!with_backward) edge->outputs = edge->index = torch::Tensor();
      }
    }
    return output;
  }

 private:
  // Everything that reads a state directly, and its sums.
  void first_halves(int64_t node) {
    const int64_t channels = pass_.shape.channels, sums_size = 2 * channels;
    const auto edges = pass_.edges_of(node);
    Partials<double> partials(pass_.images, edges.size() * kSlots * sums_size);
    for (EdgePass<T>* edge : edges) {
      edge->outputs = torch::empty({kSlots, pass_.images, pass_.image_size}, pass_.weights.options());
      edge->index = torch::empty({pass_.images, pass_.image_size}, torch::kUInt8);
    }
    for_chunks(pass_.images, [&](int64_t chunk, int64_t begin, int64_t end) {
      std::vector<T> padded(pass_.largest(&UnitShape::padded_size)), scratch(pass_.largest(&UnitShape::scratch_size));
      for (int64_t n = begin; n < end; ++n) {
        for (size_t e = 0; e < edges.size(); ++e) {
          const EdgePass<T>& edge = *edges[e];
          const Plane<T>& x = pass_.states[edge.from];
          double* sums = partials.of(chunk) + e * kSlots * sums_size;
          pass_.kernels.rectify(x.image(n), x.stride, x.height, x.width, channels, nullptr, nullptr, padded.data());
          for (const Slot slot : {kFirst3, kFirst5, kDilation3, kDilation5}) {
            const Filters<T>& filters = edge.filters[slot];
            pass_.kernels.unit_forward(edge.shapes[slot], padded.data(), filters.depthwise.data(),
                                       filters.pointwise_turned.data(), pass_.output(edge, slot, n),
                                       sums + slot * sums_size, scratch.data());
          }
          pass_.kernels.pool_forward(edge.pool, x.image(n), x.stride, pass_.output(edge, kMax, n),
                                     edge.index.template data_ptr<uint8_t>() + n * pass_.image_size,
                                     sums + kMax * sums_size);
          pass_.kernels.pool_forward(edge.pool, x.image(n), x.stride, pass_.output(edge, kAverage, n), nullptr,
                                     sums + kAverage * sums_size);
        }
      }
    });
    const std::vector<double> sums = partials.total();
    for (size_t e = 0; e < edges.size(); ++e) {
      for (const Slot slot : {kFirst3, kFirst5, kDilation3, kDilation5, kMax, kAverage}) {
        edges[e]->norms[slot].finish(sums.data() + (e * kSlots + slot) * sums_size, channels, pass_.count());
      }
    }
  }

  // The second halves of the separable convolutions, which need their first halves' statistics.
  void second_halves(int64_t node) {
    const int64_t channels = pass_.shape.channels, sums_size = 2 * channels;
    const auto edges = pass_.edges_of(node);
    Partials<double> partials(pass_.images, edges.size() * kSlots * sums_size);
    for_chunks(pass_.images, [&](int64_t chunk, int64_t begin, int64_t end) {
      std::vector<T> padded(pass_.largest(&UnitShape::padded_size)), scratch(pass_.largest(&UnitShape::scratch_size));
      for (int64_t n = begin; n < end; ++n) {
        for (size_t e = 0; e < edges.size(); ++e) {
          for (const Slot slot : {kSecond3, kSecond5}) {
            const EdgePass<T>& edge = *edges[e];
            const Normalisation<T>& norm = edge.norms[slot - 1];
            pass_.kernels.rectify(pass_.output(edge, slot - 1, n), channels, pass_.height, pass_.width, channels,
                                  norm.scale.data(), norm.shift.data(), padded.data());
            const Filters<T>& filters = edge.filters[slot];
            pass_.kernels.unit_forward(edge.shapes[slot], padded.data(), filters.depthwise.data(),
                                       filters.pointwise_turned.data(), pass_.output(edge, slot, n),
                                       partials.of(chunk) + (e * kSlots + slot) * sums_size, scratch.data());
          }
        }
      }
    });
    const std::vector<double> sums = partials.total();
    for (size_t e = 0; e < edges.size(); ++e) {
      for (const Slot slot : {kSecond3, kSecond5}) {
        edges[e]->norms[slot].finish(sums.data() + (e * kSlots + slot) * sums_size, channels, pass_.count());
      }
    }
  }

  void mixture(int64_t node) {
    const int64_t channels = pass_.shape.channels;
    const auto edges = pass_.edges_of(node);
    std::vector<T> scales(edges.size() * kTerms * channels);
    std::vector<double> constant(channels);
    T* scale = scales.data();
    for (size_t e = 0; e < edges.size(); ++e) {
      for (int64_t primitive = kNone + 1; primitive < kOperations; ++primitive, scale += channels) {
        const T alpha = pass_.weight(pass_.first_edge(node) + e, primitive);
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
    const Plane<T>& to = pass_.states[node + 2];
    for_chunks(pass_.images, [&](int64_t, int64_t begin, int64_t end) {
      for (int64_t n = begin; n < end; ++n) {
        auto list = pass_.terms(edges, n);
        for (size_t i = 0; i < list.size(); ++i) list[i].scale = scales.data() + i * channels;
        pass_.kernels.mix(list.data(), list.size(), shift.data(), to.pixels(), channels, to.image(n), to.stride);
      }
    });
  }

  CellPass<T>& pass_;
};

}  // namespace archleak::nas
