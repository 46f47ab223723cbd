#pragma once
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "core/shape.h"
#include "data/load.h"

namespace archleak::data {

/// A published file.
struct RemoteFile {
  std::string url;
  std::string file;  ///< where it belongs, relative to the data root
  std::string md5;   ///< as published, 32 hexadecimal digits; empty if none is known
};

/// What is known of a dataset by name.
struct DatasetInfo {
  std::string name;
  std::string description;
  ExampleShape shape;                 ///< zeros where the files decide
  int64_t classes = 0;                ///< 0 where the files decide
  bool synthetic = false;             ///< drawn, needs no file
  std::string folder;                 ///< of its files, relative to the data root
  std::vector<std::string> files;     ///< that must exist, relative to the data root
  std::vector<RemoteFile> downloads;  ///< archives (.tar.gz, .zip) unpack in the data root
  std::vector<float> mean;            ///< published statistics of pixel / 255 by channel, or none
  std::vector<float> deviation;
  std::function<Splits(const std::filesystem::path& root, const DataOptions& options, uint64_t seed)> read;

  /// Whether all its files are under `root`; true for synthetic ones.
  bool present(const std::filesystem::path& root) const;
};

/// All datasets, synthetic ones first.
std::vector<DatasetInfo> registry();

/// The names in `registry()`.
std::vector<std::string> dataset_names();

/// The dataset called `name`. Throws ConfigError, naming what there is, for another name.
DatasetInfo find_dataset(const std::string& name);

}  // namespace archleak::data
