#pragma once
#include "data/synthetic.h"

namespace archleak::data {

/// "textures10" and "textures100": 3x32x32 images of a shape on a striped ground. A class is a combination of the
/// stripes' orientation (five) and frequency (two), the shape (five) and the kind of palette (two: neighbouring or
/// opposite hues); in textures100 all combinations, in textures10 one shape and palette for each kind of stripes. Hue,
/// brightness, phase, angle, place and size vary freely, so that the mean colour tells little.
SyntheticSet textures10();
SyntheticSet textures100();

}  // namespace archleak::data
