#pragma once
#include <algorithm>
#include <array>
#include <vector>

#include "nas/cell.h"
#include "nas/fused_parts.h"

namespace archleak::nas {

/// What an edge writes and normalises: the six separable units in the order of their filters, then the pools.
enum Slot { kFirst3, kSecond3, kFirst5, kSecond5, kDilation3, kDilation5, kMax, kAverage, kSlots };
inline constexpr int kUnits = 6;
inline constexpr std::array kSlotOfPrimitive{
    -1, int{kMax}, int{kAverage}, -1, int{kSecond3}, int{kSecond5}, int{kDilation3}, int{kDilation5}};
inline constexpr int kTerms = kOperations - 1;  // of an edge in the mixture: all but "none"

/// What the fused pass keeps of one edge.
template <typename T>
struct EdgePass {
  int64_t from, stride;
  std::array<UnitShape, kUnits> shapes;
  UnitShape pool;
  std::array<Filters<T>, kUnits> filters;
  std::array<Normalisation<T>, kSlots> norms;
  torch::Tensor outputs;  // [slots, batch, pixels, channels] before normalisation
  torch::Tensor index;    // of the maximum, uint8
  torch::Tensor skip;     // at stride 2: what skip_connect gives
};

/// One cell's inputs, what its forward pass has computed, and where it lies: shared by the forward (fused_forward.h)
/// and the backward pass (fused_backward.h).
template <typename T>
struct CellPass {
  CellPass(const Cell& cell, const torch::Tensor& first, const torch::Tensor& second, const torch::Tensor& mixture,
           at::TensorList skips, at::TensorList filters)
      : shape(cell.shape),
        images(first.size(0)),
        height((first.size(2) + cell.edges[0]->stride - 1) / cell.edges[0]->stride),
        width((first.size(3) + cell.edges[0]->stride - 1) / cell.edges[0]->stride),
        image_size(height * width * cell.shape.channels),
        weights(mixture.detach().clone()),
        kernels(fused_kernels<T>(cell.shape.channels)),
        zeros(cell.shape.channels, T(0)),
        ones(cell.shape.channels, T(1)) {
    for (const torch::Tensor& state : {first, second}) states.push_back(plane(state.detach()));
    size_t skip = 0, filter = 0;
    for (int64_t node = 0, e = 0; node < shape.steps; ++node) {
      for (int64_t from = 0; from < node + 2; ++from, ++e) {
        const Edge& edge = *cell.edges[e];
        EdgePass<T>& pass = edges.emplace_back();
        pass.from = from;
        pass.stride = edge.stride;
        if (edge.stride == 2) pass.skip = skips[skip++].detach();
        const int64_t in_height = from < 2 ? first.size(2) : height, in_width = from < 2 ? first.size(3) : width;
        pass.pool = {in_height, in_width, shape.channels, 3, edge.stride, 1};
        pass.norms[kMax].module = static_cast<Pool&>(*edge.operations[kMaxPool]).norm.get();
        pass.norms[kAverage].module = static_cast<Pool&>(*edge.operations[kAveragePool]).norm.get();
        int slot = 0;
        for (int64_t i = kSeparable3; i <= kDilated5; ++i) {
          for (const SeparableUnit& unit : static_cast<Separable&>(*edge.operations[i]).units) {
            const bool second_half = slot == kSecond3 || slot == kSecond5;
            pass.shapes[slot] = {second_half ? height : in_height,
                                 second_half ? width : in_width,
                                 shape.channels,
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

  at::TensorOptions options() const { return weights.options().memory_format(torch::MemoryFormat::ChannelsLast); }
  double count() const { return static_cast<double>(images * height * width); }
  T weight(int64_t edge, int64_t primitive) const { return weights.data_ptr<T>()[edge * kOperations + primitive]; }
  static int64_t first_edge(int64_t node) { return edge_count(node); }

  Plane<T> plane(const torch::Tensor& tensor) const {
    return {tensor, tensor.data_ptr<T>(), tensor.size(1), tensor.size(2), tensor.size(3)};
  }
  Plane<T> empty_plane() const { return plane(torch::empty({images, shape.channels, height, width}, options())); }
  std::vector<EdgePass<T>*> edges_of(int64_t node) {
    std::vector<EdgePass<T>*> of_node;
    for (int64_t i = 0; i < node + 2; ++i) of_node.push_back(&edges[first_edge(node) + i]);
    return of_node;
  }
  T* output(const EdgePass<T>& edge, int slot, int64_t n) const {
    return edge.outputs.template data_ptr<T>() + (slot * images + n) * image_size;
  }
  int64_t largest(int64_t (UnitShape::*size)() const) const {
    int64_t most = 0;
    for (const auto& edge : edges) {
      for (const auto& unit : edge.shapes) most = std::max(most, (unit.*size)());
    }
    return most;
  }

  /// The terms of a node's mixture for image `n`, normalised but not weighed.
  std::vector<MixtureTerm<T>> terms(const std::vector<EdgePass<T>*>& of_node, int64_t n) const {
    std::vector<MixtureTerm<T>> result;
    for (const EdgePass<T>* edge : of_node) {
      for (int64_t primitive = kNone + 1; primitive < kOperations; ++primitive) {
        const Plane<T>& from = states[edge->from];
        if (primitive != kSkip) {
          const int slot = kSlotOfPrimitive[primitive];
          const Normalisation<T>& norm = edge->norms[slot];
          result.push_back({output(*edge, slot, n), shape.channels, norm.scale.data(), norm.shift.data()});
        } else if (edge->stride == 2) {
          const T* skip = edge->skip.template data_ptr<T>() + n * image_size;
          result.push_back({skip, shape.channels, ones.data(), zeros.data()});
        } else {
          result.push_back({from.image(n), from.stride, ones.data(), zeros.data()});
        }
      }
    }
    return result;
  }

  const CellShape shape;
  const int64_t images, height, width, image_size;
  const torch::Tensor weights;  ///< of the mixture, [edges, operations]
  const FusedKernels<T>& kernels;
  const std::vector<T> zeros, ones;  ///< [channels]
  std::vector<Plane<T>> states;
  std::vector<EdgePass<T>> edges;
};

}  // namespace archleak::nas
