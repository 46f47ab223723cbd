#include "attacks/reconstruction/dag_point.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "attacks/reconstruction/activation.h"

namespace archleak::attacks {
namespace {

double dot(const double* a, const double* b, int64_t count) {
  return std::inner_product(a, a + count, b, 0.0);
}

// The image with a zero border, channel by channel.
std::vector<double> padded(const Plane& plane, int64_t channels, const double* feature) {
  std::vector<double> result(channels * plane.padded_size(), 0);
  for (int64_t c = 0; c < channels; ++c) {
    for (int64_t y = 0; y < plane.height; ++y) {
      std::copy_n(feature + (c * plane.height + y) * plane.width, plane.width,
                  result.begin() + c * plane.padded_size() + plane.padded(y, 0));
    }
  }
  return result;
}

// out(q) += sum over taps of weights[t] in(q + sign * shifts[t]), for one channel.
void convolve(const Plane& plane, const std::vector<int64_t>& shifts, const double* weights, int sign, const double* in,
              double* out) {
  for (size_t t = 0; t < shifts.size(); ++t) {
    for (int64_t y = 0; y < plane.height; ++y) {
      const double* from = in + plane.padded(y, 0) + sign * shifts[t];
      for (int64_t x = 0; x < plane.width; ++x) out[y * plane.width + x] += weights[t] * from[x];
    }
  }
}

class Pass {
 public:
  Pass(const DagWeights& weights, DagPoint& point) : w_(weights), point_(point), size_(weights.plane.size()) {}

  // op_o of the padded input for all operations, `[8, feature]`.
  std::vector<double> operations(int64_t p, const std::vector<double>& input) {
    const Plane& plane = w_.plane;
    std::vector<double> result(nas::kOperations * w_.feature(), 0);
    DagPoint::Cell& cell = point_.cell[p];
    if (w_.options.max_pool) find_maxima(input, cell);
    for (int64_t c = 0; c < w_.channels; ++c) {
      const double* in = input.data() + c * plane.padded_size();
      const auto out = [&](int64_t o) { return result.data() + o * w_.feature() + c * size_; };
      const std::vector<double> ninth(9, 1.0 / 9), one{1};
      convolve(plane, w_.stem_shifts, ninth.data(), 1, in, out(nas::kAveragePool));
      convolve(plane, {0}, one.data(), 1, in, out(nas::kSkip));
      for (const auto& term : w_.border) {
        out(nas::kAveragePool)[term.y * plane.width + term.x] +=
            term.weight * in[plane.padded(term.from_y, term.from_x)];
      }
      for (int64_t q = 0; w_.options.max_pool && q < size_; ++q) {
        out(nas::kMaxPool)[q] = input[cell.maximum[c * size_ + q]];
      }
      for (int64_t o = nas::kSeparable3; o < nas::kOperations; ++o) {
        const auto& separable = w_.cell[p].separable[o - nas::kSeparable3];
        const auto taps = static_cast<int64_t>(separable.taps.size());
        std::vector<double> deep(size_, 0);
        convolve(plane, shifts_of(separable), separable.depthwise.data() + c * taps, 1, in, deep.data());
        for (int64_t to = 0; to < w_.channels; ++to) {
          double* mixed = result.data() + o * w_.feature() + to * size_;
          const double weight = separable.pointwise[to * w_.channels + c];
          for (int64_t q = 0; q < size_; ++q) mixed[q] += weight * deep[q];
        }
      }
    }
    return result;
  }

  // op_o transposed of an adjoint for all operations, `[8, padded_feature]`.
  std::vector<double> transposed(int64_t p, const double* adjoint) {
    const Plane& plane = w_.plane;
    std::vector<double> result(nas::kOperations * w_.padded_feature(), 0);
    const auto input = padded(plane, w_.channels, adjoint);
    const auto store = [&](int64_t o, int64_t c, const std::vector<double>& values) {
      double* out = result.data() + o * w_.padded_feature() + c * plane.padded_size();
      for (int64_t y = 0; y < plane.height; ++y) {
        for (int64_t x = 0; x < plane.width; ++x) out[plane.padded(y, x)] += values[y * plane.width + x];
      }
    };
    for (int64_t c = 0; c < w_.channels; ++c) {
      const double* in = input.data() + c * plane.padded_size();
      std::vector<double> average(size_, 0);
      const std::vector<double> ninth(9, 1.0 / 9);
      convolve(plane, w_.stem_shifts, ninth.data(), -1, in, average.data());
      for (const auto& term : w_.border) {
        average[term.from_y * plane.width + term.from_x] += term.weight * in[plane.padded(term.y, term.x)];
      }
      store(nas::kAveragePool, c, average);
      store(nas::kSkip, c, std::vector<double>(adjoint + c * size_, adjoint + (c + 1) * size_));
      for (int64_t q = 0; w_.options.max_pool && q < size_; ++q) {
        result[nas::kMaxPool * w_.padded_feature() + point_.cell[p].maximum[c * size_ + q]] += adjoint[c * size_ + q];
      }
      for (int64_t o = nas::kSeparable3; o < nas::kOperations; ++o) {
        const auto& separable = w_.cell[p].separable[o - nas::kSeparable3];
        const auto taps = static_cast<int64_t>(separable.taps.size());
        std::vector<double> mixed(plane.padded_size(), 0), deep(size_, 0);
        for (int64_t from = 0; from < w_.channels; ++from) {
          const double weight = separable.pointwise[from * w_.channels + c];
          const double* other = input.data() + from * plane.padded_size();
          for (int64_t i = 0; i < plane.padded_size(); ++i) mixed[i] += weight * other[i];
        }
        convolve(plane, shifts_of(separable), separable.depthwise.data() + c * taps, -1, mixed.data(), deep.data());
        store(o, c, deep);
      }
    }
    return result;
  }

 private:
  std::vector<int64_t> shifts_of(const DagWeights::Separable& separable) const {
    std::vector<int64_t> result;
    for (const int64_t tap : separable.taps) result.push_back(w_.shifts[tap]);
    return result;
  }

  void find_maxima(const std::vector<double>& input, DagPoint::Cell& cell) const {
    const Plane& plane = w_.plane;
    for (int64_t c = 0; c < w_.channels; ++c) {
      for (int64_t y = 0; y < plane.height; ++y) {
        for (int64_t x = 0; x < plane.width; ++x) {
          double best = -std::numeric_limits<double>::infinity();
          int64_t at = 0, unpadded = 0;
          for (int64_t v = std::max<int64_t>(y - 1, 0); v <= std::min(y + 1, plane.height - 1); ++v) {
            for (int64_t u = std::max<int64_t>(x - 1, 0); u <= std::min(x + 1, plane.width - 1); ++u) {
              const int64_t place = c * plane.padded_size() + plane.padded(v, u);
              if (!(input[place] > best)) continue;
              best = input[place];
              at = place;
              unpadded = c * size_ + v * plane.width + u;
            }
          }
          cell.maximum.push_back(at);
          cell.unpadded.push_back(unpadded);
        }
      }
    }
  }

  const DagWeights& w_;
  DagPoint& point_;
  int64_t size_;
};

}  // namespace

DagPoint::DagPoint(const DagWeights& weights, const double* image, int64_t label) : gradient(weights.alphas(), 0) {
  features.assign(weights.cells * weights.feature(), 0);
  sum_adjoints.assign(weights.cells * weights.feature(), 0);
  cell.resize(weights.cells);
  const int64_t count = weights.feature(), size = weights.plane.size(), cells = weights.cells;
  Pass pass(weights, *this);
  const auto input = padded(weights.plane, weights.image_channels, image);
  for (int64_t c = 0; c < weights.channels; ++c) {
    for (int64_t i = 0; i < weights.image_channels; ++i) {
      convolve(weights.plane, weights.stem_shifts, weights.stem.data() + (c * weights.image_channels + i) * 9, 1,
               input.data() + i * weights.plane.padded_size(), features.data() + c * size);
    }
  }
  std::vector<std::vector<double>> curvature(cells);
  for (int64_t p = 1; p < cells; ++p) {
    std::vector<double> value(count, 0);
    for (int64_t j = 0; j < p; ++j) {
      const double weight = weights.connections[p * cells + j];
      for (int64_t n = 0; n < count; ++n) value[n] += weight * features[j * count + n];
    }
    cell[p].slope.resize(count);
    curvature[p].resize(count);
    for (int64_t n = 0; n < count; ++n) {
      const auto at = activated(weights.options.activation, value[n] + weights.cell[p].bias[n / size]);
      value[n] = at.value;
      cell[p].slope[n] = at.slope;
      curvature[p][n] = at.curvature;
    }
    cell[p].outputs = pass.operations(p, padded(weights.plane, weights.channels, value.data()));
    for (int64_t o = 1; o < nas::kOperations; ++o) {
      const double weight = weights.cell[p].operations[o];
      for (int64_t n = 0; n < count; ++n) features[p * count + n] += weight * cell[p].outputs[o * count + n];
    }
  }

  std::vector<double> adjoint(cells * count, 0);
  double total = 0, largest = -std::numeric_limits<double>::infinity();
  for (int64_t k = 0; k < weights.classes; ++k) {
    probabilities.push_back(weights.head_bias[k] +
                            dot(weights.head.data() + k * count, features.data() + (cells - 1) * count, count));
    largest = std::max(largest, probabilities.back());
  }
  for (double& logit : probabilities) total += logit = std::exp(logit - largest);
  for (double& value : probabilities) value /= total;
  loss = -std::log(probabilities[label]);
  for (int64_t k = 0; k < weights.classes; ++k) {
    const double error = probabilities[k] - (k == label ? 1 : 0);
    for (int64_t n = 0; n < count; ++n) adjoint[(cells - 1) * count + n] += error * weights.head[k * count + n];
  }

  for (int64_t p = cells - 1; p > 0; --p) {
    const double* of_feature = adjoint.data() + p * count;
    double* of_sum = sum_adjoints.data() + p * count;
    cell[p].transposed = pass.transposed(p, of_feature);
    cell[p].bend.resize(count);
    for (int64_t n = 0; n < count; ++n) {
      const int64_t q = n % size;
      const int64_t place = n / size * weights.plane.padded_size() +
                            weights.plane.padded(q / weights.plane.width, q % weights.plane.width);
      double of_input = 0;
      for (int64_t o = 1; o < nas::kOperations; ++o) {
        of_input += weights.cell[p].operations[o] * cell[p].transposed[o * weights.padded_feature() + place];
      }
      cell[p].bend[n] = of_input * curvature[p][n];
      of_sum[n] = of_input * cell[p].slope[n];
    }
    for (int64_t o = 1; o < nas::kOperations; ++o) {
      gradient[weights.operation_row(p) + o] = dot(of_feature, cell[p].outputs.data() + o * count, count);
    }
    for (int64_t j = 0; j < p; ++j) {
      gradient[nas::first_connection(p) + j] = dot(of_sum, features.data() + j * count, count);
      const double weight = weights.connections[p * cells + j];
      for (int64_t n = 0; n < count; ++n) adjoint[j * count + n] += weight * of_sum[n];
    }
  }
  weights.to_alpha(gradient.data(), 1);
}

}  // namespace archleak::attacks
