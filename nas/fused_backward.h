#pragma once
#include <array>
#include <memory>

#include "nas/fused_pass.h"
#include "nas/fused_state.h"

namespace archleak::nas {

/// Goes back through what `FusedForward` has computed, node by node from the last.
template <typename T>
class FusedBackward {
 public:
  explicit FusedBackward(CellPass<T>& pass) : pass_(pass) {}

  /// As `FusedPass::backward`.
  std::vector<torch::Tensor> run(const torch::Tensor& output_gradient, FusedPass::Wanted wanted) {
    wanted_ = wanted;
    const int64_t channels = pass_.shape.channels;
    const torch::Tensor given = output_gradient.contiguous(torch::MemoryFormat::ChannelsLast);
    gradients_.clear();
    for (int64_t i = 0; i < pass_.shape.steps + 2; ++i) {
      const int64_t place = i - 2 - (pass_.shape.steps - pass_.shape.multiplier);
      const int64_t height = pass_.states[i].height, width = pass_.states[i].width;
      gradients_.push_back(pass_.plane(torch::empty({pass_.images, channels, height, width}, pass_.options())));
      if (i < 2 || place < 0) {
        gradients_[i].memory.zero_();
      } else {
        gradients_[i].memory.copy_(given.slice(1, place * channels, (place + 1) * channels));
      }
    }
    weights_gradient_ = torch::zeros_like(pass_.weights);
    skip_gradients_.assign(pass_.edges.size(), torch::Tensor());
    filter_gradients_.assign(pass_.edges.size() * 2 * kUnits, torch::Tensor());
    for (int64_t node = pass_.shape.steps - 1; node >= 0; --node) node_backward(node);

    std::vector<torch::Tensor> result;
    for (int i = 0; i < 2; ++i) result.push_back(wanted.states[i] ? gradients_[i].memory : torch::Tensor());
    result.push_back(weights_gradient_);
    for (size_t e = 0; e < pass_.edges.size(); ++e) {
      if (pass_.edges[e].stride == 2) result.push_back(skip_gradients_[e]);
    }
    result.insert(result.end(), filter_gradients_.begin(), filter_gradients_.end());
    gradients_.clear();
    return result;
  }

 private:
  struct NodeGradient {
    std::vector<std::array<Coefficients<T>, kSlots>> coefficients;  // by edge
    std::vector<std::array<torch::Tensor, 2>>
        halves;  // gradient of the separable convolutions' normalised first halves
    std::vector<EdgePass<T>*> edges;
    int64_t first_edge;
    Plane<T> g;
    std::unique_ptr<Partials<T>> filters;
    int64_t filters_size;  // of an edge
  };

  void node_backward(int64_t node) {
    const int64_t channels = pass_.shape.channels;
    NodeGradient work;
    work.edges = pass_.edges_of(node);
    work.first_edge = pass_.first_edge(node);
    work.g = gradients_[node + 2];
    work.coefficients.resize(work.edges.size());
    work.halves.resize(work.edges.size());
    work.filters_size = 0;
    for (const UnitShape& unit : work.edges[0]->shapes) work.filters_size += (unit.taps() + channels) * channels;
    if (wanted_.filters) {
      work.filters = std::make_unique<Partials<T>>(pass_.images, work.edges.size() * work.filters_size);
    }
    mixture_backward(work);
    second_halves_backward(work);
    first_halves_backward(work);
    if (wanted_.filters) store_filter_gradients(work);
  }

  // The gradient with respect to the mixture's weights, and the coefficients of all that the mixture normalises.
  void mixture_backward(NodeGradient& work) {
    const int64_t channels = pass_.shape.channels;
    Partials<double> partials(pass_.images, (1 + work.edges.size() * kTerms) * channels);
    for_chunks(pass_.images, [&](int64_t chunk, int64_t begin, int64_t end) {
      for (int64_t n = begin; n < end; ++n) {
        const auto list = pass_.terms(work.edges, n);
        pass_.kernels.mix_sums(work.g.image(n), work.g.stride, list.data(), list.size(), work.g.pixels(), channels,
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
          along = work.coefficients[e][slot].finish(work.edges[e]->norms[slot], pass_.weight(edge, primitive),
                                                    sums.data(), gy, pass_.count());
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
    for (int i = 0; i < slot; ++i)
      sums += (work.edges[e]->shapes[i].taps() + pass_.shape.channels) * pass_.shape.channels;
    return sums;
  }

  void unit_backward(NodeGradient& work, int64_t chunk, size_t e, int slot, const T* padded,
                     const NormGradient<T>& gradient, T* input_gradient, T* scratch) {
    const UnitShape& unit = work.edges[e]->shapes[slot];
    const Filters<T>& filters = work.edges[e]->filters[slot];
    T* sums = filter_sums(work, chunk, e, slot);
    pass_.kernels.unit_backward(unit, padded, filters.depthwise.data(), filters.flipped.data(),
                                filters.pointwise.data(), gradient, input_gradient, sums,
                                sums ? sums + unit.taps() * unit.channels : nullptr, scratch);
  }

  void second_halves_backward(NodeGradient& work) {
    const int64_t channels = pass_.shape.channels;
    Partials<double> partials(pass_.images, work.edges.size() * 4 * channels);
    for (size_t e = 0; e < work.edges.size(); ++e) {
      if (!is_wanted(*work.edges[e])) continue;
      for (torch::Tensor& half : work.halves[e])
        half = torch::empty({pass_.images, pass_.image_size}, pass_.weights.options());
    }
    for_chunks(pass_.images, [&](int64_t chunk, int64_t begin, int64_t end) {
      std::vector<T> padded(pass_.largest(&UnitShape::padded_size)), scratch(pass_.largest(&UnitShape::scratch_size));
      for (int64_t n = begin; n < end; ++n) {
        for (size_t e = 0; e < work.edges.size(); ++e) {
          const EdgePass<T>& edge = *work.edges[e];
          if (!is_wanted(edge)) continue;
          for (const Slot slot : {kSecond3, kSecond5}) {
            const Normalisation<T>& norm = edge.norms[slot - 1];
            const T* first = pass_.output(edge, slot - 1, n);
            if (wanted_.filters) {
              pass_.kernels.rectify(first, channels, pass_.height, pass_.width, channels, norm.scale.data(),
                                    norm.shift.data(), padded.data());
            }
            T* half = work.halves[e][slot / 2].template data_ptr<T>() + n * pass_.image_size;
            std::fill_n(half, pass_.image_size, T(0));
            unit_backward(work, chunk, e, slot, padded.data(),
                          work.coefficients[e][slot].of(work.g.image(n), work.g.stride, pass_.output(edge, slot, n)),
                          half, scratch.data());
            pass_.kernels.unrectify(first, norm.scale.data(), norm.shift.data(), pass_.height * pass_.width, channels,
                                    half, partials.of(chunk) + (e * 2 + slot / 2) * 2 * channels);
          }
        }
      }
    });
    const std::vector<double> sums = partials.total();
    for (size_t e = 0; e < work.edges.size(); ++e) {
      for (const Slot slot : {kFirst3, kFirst5}) {
        const double* g = sums.data() + (e * 2 + slot / 2) * 2 * channels;
        work.coefficients[e][slot].finish(work.edges[e]->norms[slot], 1, g, g + channels, pass_.count());
      }
    }
  }

  void first_halves_backward(NodeGradient& work) {
    const int64_t channels = pass_.shape.channels;
    std::vector<T> alphas(work.edges.size() * channels);
    for (size_t e = 0; e < work.edges.size(); ++e) {
      std::fill_n(alphas.data() + e * channels, channels, pass_.weight(work.first_edge + e, kSkip));
      if (work.edges[e]->stride == 2) skip_gradients_[work.first_edge + e] = pass_.empty_plane().memory;
    }
    for_chunks(pass_.images, [&](int64_t chunk, int64_t begin, int64_t end) {
      std::vector<T> padded(pass_.largest(&UnitShape::padded_size)), scratch(pass_.largest(&UnitShape::scratch_size));
      std::vector<T> raw(padded.size()), rectified(padded.size());
      for (int64_t n = begin; n < end; ++n) {
        const T* g = work.g.image(n);
        for (size_t e = 0; e < work.edges.size(); ++e) {
          const EdgePass<T>& edge = *work.edges[e];
          const Plane<T>& x = pass_.states[edge.from];
          const int64_t size = x.pixels() * channels;
          const MixtureTerm<T> skip{g, work.g.stride, alphas.data() + e * channels, nullptr};
          if (edge.stride == 2) {
            T* to = skip_gradients_[work.first_edge + e].template data_ptr<T>() + n * pass_.image_size;
            pass_.kernels.mix(&skip, 1, pass_.zeros.data(), work.g.pixels(), channels, to, channels);
          }
          if (!is_wanted(edge)) continue;
          if (edge.stride == 1) {
            pass_.kernels.mix(&skip, 1, pass_.zeros.data(), x.pixels(), channels, raw.data(), channels);
          } else {
            std::fill_n(raw.data(), size, T(0));
          }
          std::fill_n(rectified.data(), size, T(0));
          if (wanted_.filters) {
            pass_.kernels.rectify(x.image(n), x.stride, x.height, x.width, channels, nullptr, nullptr, padded.data());
          }
          const auto gradient = [&](Slot slot) {
            const T* y = pass_.output(edge, slot, n);
            const Coefficients<T>& by = work.coefficients[e][slot];
            if (slot != kFirst3 && slot != kFirst5) return by.of(g, work.g.stride, y);
            return by.of(work.halves[e][slot / 2].template data_ptr<T>() + n * pass_.image_size, channels, y);
          };
          for (const Slot slot : {kFirst3, kFirst5, kDilation3, kDilation5}) {
            unit_backward(work, chunk, e, slot, padded.data(), gradient(slot), rectified.data(), scratch.data());
          }
          pass_.kernels.pool_backward(edge.pool, edge.index.template data_ptr<uint8_t>() + n * pass_.image_size,
                                      gradient(kMax), raw.data(), scratch.data());
          pass_.kernels.pool_backward(edge.pool, nullptr, gradient(kAverage), raw.data(), scratch.data());
          const Plane<T>& into = gradients_[edge.from];
          pass_.kernels.accumulate(x.image(n), x.stride, raw.data(), rectified.data(), x.pixels(), channels,
                                   into.image(n), into.stride);
        }
      }
    });
  }

  void store_filter_gradients(NodeGradient& work) {
    const int64_t channels = pass_.shape.channels;
    std::vector<T> sums = work.filters->total();
    T* at = sums.data();
    for (size_t e = 0; e < work.edges.size(); ++e) {
      for (int slot = 0; slot < kUnits; ++slot) {
        const int64_t kernel = work.edges[e]->shapes[slot].kernel, taps = kernel * kernel;
        torch::Tensor* to = &filter_gradients_[((work.first_edge + e) * kUnits + slot) * 2];
        const torch::Tensor by_channel = torch::from_blob(at, {taps, channels}, pass_.weights.options()).t();
        to[0] = by_channel.clone(torch::MemoryFormat::Contiguous).view({channels, 1, kernel, kernel});
        at += taps * channels;
        to[1] = torch::from_blob(at, {channels, channels, 1, 1}, pass_.weights.options()).clone();
        at += channels * channels;
      }
    }
  }

  CellPass<T>& pass_;
  FusedPass::Wanted wanted_{};
  std::vector<Plane<T>> gradients_;  // by state
  torch::Tensor weights_gradient_;
  std::vector<torch::Tensor> skip_gradients_, filter_gradients_;
};

}  // namespace archleak::nas
