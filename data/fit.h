#pragma once
#include "data/dataset.h"

namespace archleak::data {

/// The images of `dataset` as if they were of another: resized to `shape`, colour made grey by its luma (ITU-R BT.601)
/// or grey repeated in three channels, labels taken modulo `classes`. Throws DataError for other numbers of channels
/// than 1 and 3.
Dataset fit(const Dataset& dataset, ExampleShape shape, int64_t classes);

}  // namespace archleak::data
