#pragma once
#include <cmath>

#include "nas/dag_options.h"

namespace archleak::attacks {

/// A cell's activation and its first two derivatives at one value; at kinks those from the left, as autograd takes
/// them.
template <typename Real>
struct Activated {
  Real value, slope, curvature;
};

template <typename Real>
Activated<Real> activated(nas::Activation activation, Real x) {
  switch (activation) {
    case nas::Activation::elu: {
      if (x > 0) return {x, 1, 0};
      const Real power = std::exp(x);
      return {std::expm1(x), power, power};
    }
    case nas::Activation::tanh: {
      const Real t = std::tanh(x);
      return {t, 1 - t * t, -2 * t * (1 - t * t)};
    }
    case nas::Activation::sigmoid: {
      const Real s = 1 / (1 + std::exp(-x));
      return {s, s * (1 - s), s * (1 - s) * (1 - 2 * s)};
    }
    default:
      return x > 0 ? Activated<Real>{x, 1, 0} : Activated<Real>{0, 0, 0};
  }
}

/// The slope, given the activation's value.
template <typename Real>
Real slope_at_value(nas::Activation activation, Real value) {
  switch (activation) {
    case nas::Activation::elu:
      return value > 0 ? Real{1} : value + 1;
    case nas::Activation::tanh:
      return 1 - value * value;
    case nas::Activation::sigmoid:
      return value * (1 - value);
    default:
      return value > 0 ? Real{1} : Real{0};
  }
}

}  // namespace archleak::attacks
