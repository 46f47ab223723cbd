#pragma once
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "data/dataset.h"

namespace archleak::data {

/// An array of bytes in the IDX format of MNIST (LeCun et al.).
struct IdxArray {
  std::vector<int64_t> shape;
  std::vector<uint8_t> bytes;
};

/// Reads an IDX file of unsigned bytes, plain or gzip, with `dimensions` dimensions. Throws DataError (path, byte
/// offset) for another type or dimension, an empty or oversized shape, missing or surplus bytes.
IdxArray read_idx(const std::filesystem::path& file, int64_t dimensions);

/// Reads MNIST or a set in its layout: {train,t10k}-{images-idx3,labels-idx1}-ubyte, with or without ".gz", a dot in
/// place of the dash before "idx" also taken. Ten classes.
Splits read_mnist(const std::filesystem::path& folder, const std::string& name);

}  // namespace archleak::data
