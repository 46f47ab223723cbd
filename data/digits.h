#pragma once
#include "data/synthetic.h"

namespace archleak::data {

/// "digits": 1x28x28 grey images of handwritten digits, ten classes. A digit is drawn as strokes in one of several
/// styles, with shaken points, slant, rotation, size, place, pen width and ink of its own, anti-aliased, and mild
/// noise.
SyntheticSet digits();

}  // namespace archleak::data
