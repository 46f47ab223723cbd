#include "attacks/reconstruction/dag_weights.h"

#include <algorithm>
#include <array>
#include <set>

#include "nas/genotype.h"

namespace archleak::attacks {
namespace {

using Offset = std::pair<int64_t, int64_t>;

template <typename Real>
std::vector<Real> values(const torch::Tensor& tensor) {
  const auto flat = tensor.detach().to(torch::kCPU, torch::kFloat64).contiguous();
  return {flat.data_ptr<double>(), flat.data_ptr<double>() + flat.numel()};
}

std::vector<Offset> kernel_offsets(int64_t kernel, int64_t dilation) {
  std::vector<Offset> result;
  for (int64_t y = 0; y < kernel; ++y) {
    for (int64_t x = 0; x < kernel; ++x) {
      result.emplace_back((y - kernel / 2) * dilation, (x - kernel / 2) * dilation);
    }
  }
  return result;
}

const std::array<std::vector<Offset>, 4> kSeparableOffsets{kernel_offsets(3, 1), kernel_offsets(5, 1),
                                                           kernel_offsets(3, 2), kernel_offsets(5, 2)};

std::vector<Offset> all_offsets() {
  std::set<Offset> all;
  for (const auto& offsets : kSeparableOffsets) all.insert(offsets.begin(), offsets.end());
  return {all.begin(), all.end()};
}

template <typename Real>
std::vector<typename BasicDagWeights<Real>::BorderTerm> border_terms(const Plane& plane) {
  std::vector<typename BasicDagWeights<Real>::BorderTerm> result;
  for (int64_t y = 0; y < plane.height; ++y) {
    for (int64_t x = 0; x < plane.width; ++x) {
      const int64_t top = std::max<int64_t>(y - 1, 0), bottom = std::min(y + 1, plane.height - 1);
      const int64_t left = std::max<int64_t>(x - 1, 0), right = std::min(x + 1, plane.width - 1);
      const int64_t count = (bottom - top + 1) * (right - left + 1);
      if (count == 9) continue;
      for (int64_t v = top; v <= bottom; ++v) {
        for (int64_t u = left; u <= right; ++u) {
          result.push_back({y, x, v, u, static_cast<Real>(1.0 / static_cast<double>(count) - 1.0 / 9)});
        }
      }
    }
  }
  return result;
}

}  // namespace

template <typename Real>
BasicDagWeights<Real>::BasicDagWeights(const nas::DagNetwork& network)
    : options(network.options()),
      cells(options.cells),
      channels(options.channels),
      image_channels(network.shape().channels),
      classes(network.classes()),
      plane{network.shape().height, network.shape().width},
      border(border_terms<Real>(plane)) {
  const auto offsets = all_offsets();
  const auto shift = [&](const Offset& offset) { return offset.first * plane.padded_width() + offset.second; };
  const auto tap = [&](const Offset& offset) {
    return std::lower_bound(offsets.begin(), offsets.end(), offset) - offsets.begin();
  };
  for (const auto& offset : offsets) shifts.push_back(shift(offset));
  for (const auto& offset : kSeparableOffsets[0]) stem_shifts.push_back(shift(offset));

  const auto parameters = network.named_parameters();
  stem = values<Real>(parameters["stem.weight"]);
  const auto mixture = network.probabilities();
  connections.assign(cells * cells, 0);
  cell.resize(cells);
  const auto count = static_cast<int64_t>(offsets.size());
  for (int64_t p = 1; p < cells; ++p) {
    const auto row = values<Real>(mixture[p]);
    std::copy(row.begin(), row.end(), connections.begin() + p * cells);
    Cell& made = cell[p];
    const std::string name = "cells." + std::to_string(p) + ".";
    made.bias = values<Real>(parameters[name + "bias"]);
    made.operations = values<Real>(mixture[0][p - 1]);
    made.dense.assign(channels * channels * count, 0);
    made.transposed = made.dense;
    const auto add = [&](int64_t out, int64_t in, int64_t t, Real weight) {
      made.dense[(out * channels + in) * count + t] += weight;
      made.transposed[(in * channels + out) * count + count - 1 - t] += weight;
    };
    for (int64_t o = nas::kSeparable3; o < nas::kOperations; ++o) {
      const std::string pair = name + nas::kPrimitives[o] + ".";
      Separable separable{.depthwise = values<Real>(parameters[pair + "depthwise.weight"]),
                          .pointwise = values<Real>(parameters[pair + "pointwise.weight"])};
      for (const auto& offset : kSeparableOffsets[o - nas::kSeparable3]) separable.taps.push_back(tap(offset));
      const auto taps = static_cast<int64_t>(separable.taps.size());
      for (int64_t out = 0; out < channels; ++out) {
        for (int64_t in = 0; in < channels; ++in) {
          const Real weight = made.operations[o] * separable.pointwise[out * channels + in];
          for (int64_t t = 0; t < taps; ++t) {
            add(out, in, separable.taps[t], weight * separable.depthwise[in * taps + t]);
          }
        }
      }
      made.separable.push_back(std::move(separable));
    }
    for (int64_t c = 0; c < channels; ++c) {
      add(c, c, tap({0, 0}), made.operations[nas::kSkip]);
      for (const auto& offset : kSeparableOffsets[0]) add(c, c, tap(offset), made.operations[nas::kAveragePool] / 9);
    }
  }

  const auto linear = values<Real>(parameters["head.weight"]);
  head_bias = values<Real>(parameters["head.bias"]);
  if (options.head == nas::DagHead::flatten) {
    head = linear;
  } else {
    for (const Real weight : linear) head.insert(head.end(), plane.size(), weight / static_cast<Real>(plane.size()));
  }
}

template <typename Real>
Stencil<Real> BasicDagWeights<Real>::stencil(int64_t p) const {
  return {channels, channels, static_cast<int64_t>(shifts.size()), shifts.data(), cell[p].dense.data()};
}

template <typename Real>
Stencil<Real> BasicDagWeights<Real>::transposed_stencil(int64_t p) const {
  return {channels, channels, static_cast<int64_t>(shifts.size()), shifts.data(), cell[p].transposed.data()};
}

template <typename Real>
Stencil<Real> BasicDagWeights<Real>::stem_stencil() const {
  return {image_channels, channels, 9, stem_shifts.data(), stem.data()};
}

template <typename Real>
void BasicDagWeights<Real>::to_alpha(Real* rows, int64_t columns) const {
  if (options.alpha == nas::AlphaMapping::raw) return;
  const auto map = [&](Real* first, const Real* weights, int64_t count) {
    for (int64_t column = 0; column < columns; ++column) {
      Real mean = 0;
      for (int64_t i = 0; i < count; ++i) mean += weights[i] * first[i * columns + column];
      for (int64_t i = 0; i < count; ++i) {
        Real& value = first[i * columns + column];
        value = options.alpha == nas::AlphaMapping::softmax ? weights[i] * (value - mean)
                                                            : weights[i] * (1 - weights[i]) * value;
      }
    }
  };
  for (int64_t p = 1; p < cells; ++p) {
    map(rows + nas::first_connection(p) * columns, connections.data() + p * cells, p);
    map(rows + operation_row(p) * columns, cell[p].operations.data(), nas::kOperations);
  }
}

template <typename Real>
template <typename Other>
BasicDagWeights<Real>::BasicDagWeights(const BasicDagWeights<Other>& other)
    : options(other.options),
      cells(other.cells),
      channels(other.channels),
      image_channels(other.image_channels),
      classes(other.classes),
      plane(other.plane),
      shifts(other.shifts),
      stem_shifts(other.stem_shifts),
      stem(other.stem.begin(), other.stem.end()),
      connections(other.connections.begin(), other.connections.end()),
      head(other.head.begin(), other.head.end()),
      head_bias(other.head_bias.begin(), other.head_bias.end()) {
  const auto copy = [](const std::vector<Other>& values) { return std::vector<Real>(values.begin(), values.end()); };
  for (const auto& from : other.cell) {
    Cell& made = cell.emplace_back();
    made.bias = copy(from.bias);
    made.operations = copy(from.operations);
    for (const auto& separable : from.separable) {
      made.separable.push_back({separable.taps, copy(separable.depthwise), copy(separable.pointwise)});
    }
    made.dense = copy(from.dense);
    made.transposed = copy(from.transposed);
  }
  for (const auto& term : other.border) {
    border.push_back({term.y, term.x, term.from_y, term.from_x, static_cast<Real>(term.weight)});
  }
}

template class BasicDagWeights<double>;
template class BasicDagWeights<float>;
template BasicDagWeights<float>::BasicDagWeights(const BasicDagWeights<double>& other);

}  // namespace archleak::attacks
