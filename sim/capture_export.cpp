#include "sim/capture_export.h"

#include <spdlog/fmt/fmt.h>
#include <spdlog/fmt/ranges.h>

#include <fstream>
#include <map>
#include <set>
#include <span>

#include "core/csv.h"
#include "core/error.h"
#include "core/hash.h"
#include "core/npy.h"
#include "core/printable.h"

namespace archleak::sim {
namespace {

namespace fs = std::filesystem;

/// A part of a message: the floats [begin, begin + size).
struct Part {
  std::string segment;
  std::string tensor;
  std::vector<int64_t> shape;
  int64_t begin = 0;
  int64_t size = 0;
};

std::vector<Part> parts_of(const UpdateLayout& message, const CaptureLayout& layout, ExportSplit split) {
  std::vector<Part> parts;
  int64_t begin = 0;
  for (const auto& [segment, size] : {std::pair{"weights", message.weights}, std::pair{"alpha", message.alpha},
                                      std::pair{"buffers", message.buffers}}) {
    if (size == 0) continue;
    if (split == ExportSplit::segment) {
      parts.push_back({.segment = segment, .tensor = {}, .shape = {size}, .begin = begin, .size = size});
    } else {
      for (const auto& tensor : layout.tensors) {
        if (tensor.segment != segment) continue;
        parts.push_back({.segment = segment,
                         .tensor = tensor.name,
                         .shape = tensor.shape,
                         .begin = begin + tensor.offset,
                         .size = tensor.size});
      }
    }
    begin += size;
  }
  return parts;
}

/// The columns of index.csv that belong to a message.
struct Row {
  int64_t round = 0;
  std::string kind;
  std::string client;
  std::string worker;
  std::string task;
  std::string attempt;
  std::string weight;
};

class Exporter {
 public:
  Exporter(const fs::path& folder, const std::optional<CaptureLayout>& layout, ExportSplit split)
      : folder_(folder), layout_(layout), split_(layout ? split : ExportSplit::message) {
    if (fs::exists(folder) && (!fs::is_directory(folder) || !fs::is_empty(folder))) {
      throw ConfigError(folder.string() + ": expected a new or empty folder, got one with something in it");
    }
    std::error_code error;
    fs::create_directories(folder, error);
    if (error) throw Error(folder.string() + ": cannot create: " + error.message());
    index_.open(folder / "index.csv");
    index_ << "file,round,kind,client,worker,task,attempt,weight,segment,tensor,shape\n";
  }

  void floats(const Row& row, const std::string& name, const wire::Payload& payload, bool is_model) {
    const std::span<const float> values = payload.floats();
    const auto total = static_cast<int64_t>(values.size());
    std::vector<Part> parts{{.segment = {}, .tensor = {}, .shape = {total}, .begin = 0, .size = total}};
    if (split_ != ExportSplit::message) {
      const UpdateLayout& message = is_model ? layout_->model : layout_->update;
      if (message.size() == total) {
        parts = parts_of(message, *layout_, split_);
      } else {
        ++counts.whole;
      }
    }
    const std::string stem = unique(row.round, name);
    for (const auto& part : parts) {
      const std::string which = part.tensor.empty() ? part.segment : part.segment + "." + part.tensor;
      const std::string file = which.empty() ? stem + ".npy" : stem + "." + which + ".npy";
      write_npy(folder_ / file, values.subspan(static_cast<size_t>(part.begin), static_cast<size_t>(part.size)),
                part.shape);
      add(row, file, part);
    }
  }

  void integers(const Row& row, const std::string& name, const wire::Payload& payload) {
    const std::span<const int64_t> values = payload.integers();
    const std::string file = unique(row.round, name) + ".npy";
    const Part all{.segment = {}, .tensor = {}, .shape = {static_cast<int64_t>(values.size())}, .begin = 0, .size = 0};
    write_npy(folder_ / file, values, all.shape);
    add(row, file, all);
  }

  void finish() {
    index_.close();
    if (!index_) throw Error((folder_ / "index.csv").string() + ": cannot write");
  }

  ExportCounts counts;

 private:
  /// A name of a message that no other has: "round-0003/client-0005", "round-0003/client-0005-2".
  std::string unique(int64_t round, const std::string& name) {
    const std::string stem = fmt::format("round-{:04}/{}", round, name);
    fs::create_directories((folder_ / stem).parent_path());
    const int64_t count = ++names_[stem];
    return count == 1 ? stem : fmt::format("{}-{}", stem, count);
  }

  void add(const Row& row, const std::string& file, const Part& part) {
    ++counts.files;
    index_ << csv_row({file, std::to_string(row.round), row.kind, row.client, row.worker, row.task, row.attempt,
                       row.weight, part.segment, part.tensor, fmt::format("{}", fmt::join(part.shape, "x"))})
           << "\n";
  }

  fs::path folder_;
  const std::optional<CaptureLayout>& layout_;
  ExportSplit split_;
  std::ofstream index_;
  std::map<std::string, int64_t> names_;
};

}  // namespace

ExportCounts export_capture(const attacks::Observation& seen, const std::optional<CaptureLayout>& layout,
                            ExportSplit split, const fs::path& folder) {
  Exporter exporter(folder, layout, split);
  for (const auto& [number, round] : seen.rounds()) {
    std::set<Sha256> models;  // most are copies: each worker, or each task, gets one
    for (const auto& place : round.models) {
      const wire::Payload model = seen.floats(place);
      if (model.empty() || !models.insert(sha256(model.data(), model.bytes())).second) continue;
      exporter.floats({.round = number, .kind = "model"}, "model", model, true);
      ++exporter.counts.models;
    }
    const auto row = [&](const attacks::SeenUpdate& update, const char* kind) {
      return Row{.round = number,
                 .kind = kind,
                 .client = std::to_string(update.client),
                 .worker = printable(update.worker),
                 .task = std::to_string(update.task),
                 .attempt = std::to_string(update.attempt),
                 .weight = std::to_string(update.weight)};
    };
    for (const auto& update : round.updates) {
      exporter.floats(row(update, "update"), fmt::format("client-{:04}", update.client), seen.floats(update.place),
                      false);
      ++exporter.counts.updates;
    }
    for (const auto& update : round.masked) {
      exporter.integers(row(update, "masked"), fmt::format("masked-{:04}", update.client), seen.integers(update.place));
      ++exporter.counts.masked;
    }
    for (const auto& sum : round.sums) {
      exporter.integers({.round = number,
                         .kind = fmt::format("sum 2^-{}", sum.scale_bits),
                         .client = {},
                         .worker = printable(sum.worker),
                         .task = fmt::format("{}", fmt::join(sum.tasks, " ")),
                         .attempt = {},
                         .weight = std::to_string(sum.weight)},
                        "sum", seen.integers(sum.place));
      ++exporter.counts.sums;
    }
  }
  exporter.finish();
  return exporter.counts;
}

}  // namespace archleak::sim
