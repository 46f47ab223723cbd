#pragma once
#include <filesystem>

#include "data/dataset.h"

namespace archleak::data {

/// Reads CIFAR-10's binary layout: data_batch_1.bin to data_batch_5.bin, of which a part may be missing (at least one
/// must be there), test_batch.bin, and class names from batches.meta.txt if present. Images are 3x32x32.
/// Throws DataError (path, byte offset) for missing files, partial records and labels out of range.
Splits read_cifar10(const std::filesystem::path& folder);

/// Reads CIFAR-100's binary layout (train.bin, test.bin, fine_label_names.txt if present); labels are the fine ones.
Splits read_cifar100(const std::filesystem::path& folder);

}  // namespace archleak::data
