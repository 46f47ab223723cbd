#pragma once
#include <cstdint>
#include <filesystem>
#include <optional>

#include "attacks/eavesdropper/observation.h"
#include "sim/capture_layout.h"

namespace archleak::sim {

/// Into how many files a message goes.
enum class ExportSplit {
  message,  ///< one: all its floats, `[floats]`
  segment,  ///< one for weights, alpha and buffers each, as far as they are in it
  tensor,   ///< one for each tensor of the network, in its shape
};

/// What was written.
struct ExportCounts {
  int64_t models = 0;
  int64_t updates = 0;
  int64_t masked = 0;  ///< updates under secure aggregation
  int64_t sums = 0;
  int64_t files = 0;
  int64_t whole = 0;  ///< messages that were to be split and have another size than the layout says
};

/// Writes each model (one for equal copies), update, masked update and partial sum of a capture to `folder`, which must
/// be new or empty, as NumPy files round-0003/client-0005.alpha.npy, and index.csv with one row a file: docs/capture.md
/// describes its columns. Without a layout no message is split. Throws ConfigError for a folder with something in it,
/// DataError for a damaged capture, Error if a file cannot be written.
ExportCounts export_capture(const attacks::Observation& seen, const std::optional<CaptureLayout>& layout,
                            ExportSplit split, const std::filesystem::path& folder);

}  // namespace archleak::sim
