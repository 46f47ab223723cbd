#pragma once
#include <cstdint>

#include "data/dataset.h"
#include "data/image.h"

namespace archleak::data {

/// A picture of a dataset: one row a class, the first `columns` examples of each, enlarged `scale` times, thin lines
/// between. Table rows appear as blocks of bits, about square; missing examples stay blank. Throws DataError for more
/// than 64 million pixels.
Image contact_sheet(const Dataset& dataset, int64_t columns, int64_t scale);

}  // namespace archleak::data
