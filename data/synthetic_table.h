#pragma once
#include "data/synthetic.h"

namespace archleak::data {

/// "table30": rows of 446 binary features, 30 classes, in the image of the Location set: few ones, some features far
/// more frequent than others, some rows far more active than others. A class has rates of its own for one feature in
/// twenty-five and shares the others' with all.
SyntheticSet table30();

}  // namespace archleak::data
