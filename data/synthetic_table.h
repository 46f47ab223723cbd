#pragma once
#include "data/synthetic.h"

namespace archleak::data {

/// "table30": rows of 446 binary features, 30 classes, in the image of the Location set. A class is a prototype: the
/// common one with one feature in ten flipped; a row is its class's prototype with 28 of 100 features flipped.
SyntheticSet table30();

}  // namespace archleak::data
