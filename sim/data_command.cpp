#include "sim/data_command.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <memory>
#include <numeric>

#include "core/error.h"
#include "data/contact_sheet.h"
#include "data/download.h"
#include "data/load.h"
#include "data/partition.h"
#include "data/registry.h"
#include "data/verify.h"

namespace archleak::sim {
namespace {

/// What the command line of any of the subcommands gave.
struct DataArguments {
  data::DataOptions options;
  uint64_t seed = 1;
  std::string mirror;           // get
  std::string split = "train";  // show
  std::string output;
  int64_t columns = 10;
  int64_t scale = 2;
};

std::string shape_text(const ExampleShape& shape) {
  if (shape.channels == 0) return "-";
  if (shape.height == 1 && shape.width == 1) return fmt::format("{} features", shape.channels);
  return fmt::format("{}x{}x{}", shape.channels, shape.height, shape.width);
}

void list(const DataArguments& arguments) {
  const auto root = data::data_root(arguments.options.root);
  fmt::print("{:<14}{:<14}{:>7}  {:<12}{}\n", "name", "shape", "classes", "state", "description");
  for (const auto& info : data::registry()) {
    const char* state = info.synthetic           ? "drawn"
                        : info.files.empty()     ? "yours"
                        : info.present(root)     ? "here"
                        : info.downloads.empty() ? "missing"
                                                 : "to get";
    fmt::print("{:<14}{:<14}{:>7}  {:<12}{}\n", info.name, shape_text(info.shape),
               info.classes > 0 ? std::to_string(info.classes) : "-", state, info.description);
  }
  fmt::print("\nfiles are looked for in {}\n", root.string());
}

bool is_archive(const std::string& file) {
  return file.ends_with(".tar.gz") || file.ends_with(".zip");
}

std::string mirrored(const std::string& url, const std::string& base) {
  if (base.empty()) return url;
  return base + (base.ends_with('/') ? "" : "/") + url.substr(url.rfind('/') + 1);
}

void get(const DataArguments& arguments) {
  const auto info = data::find_dataset(arguments.options.name);
  const auto root = data::data_root(arguments.options.root);
  if (info.present(root)) {
    fmt::print("{} is already in {}\n", info.name, (root / info.folder).string());
    return;
  }
  if (info.downloads.empty()) {
    throw ConfigError(
        fmt::format("data get {}: expected a dataset with a published download, got one without; put its "
                    "files into {} yourself",
                    info.name, (root / info.folder).string()));
  }
  for (const auto& file : info.downloads) {
    const auto target = root / file.file;
    const bool complete = std::filesystem::exists(target) && (file.md5.empty() || data::md5_file(target) == file.md5);
    if (!complete) data::download({.url = mirrored(file.url, arguments.mirror), .target = target, .md5 = file.md5});
    if (is_archive(file.file)) {
      data::unpack(target, root);
      std::filesystem::remove(target);
    }
  }
  if (!info.present(root)) {
    throw DataError(
        fmt::format("{}: expected {} in it after unpacking, got nothing", root.string(), info.files.front()));
  }
  fmt::print("{} is in {}\n", info.name, (root / info.folder).string());
}

void print_split(const data::Dataset& dataset) {
  std::vector<int64_t> all(dataset.labels.size());
  std::iota(all.begin(), all.end(), 0);
  const auto counts = data::class_histogram({all}, dataset.labels, dataset.classes)[0];
  fmt::print("{}: {} examples of {}, {} classes\n", dataset.name, dataset.size(), shape_text(dataset.shape),
             dataset.classes);
  size_t width = 5;
  for (int64_t label = 0; label < dataset.classes; ++label) width = std::max(width, dataset.class_name(label).size());
  for (int64_t label = 0; label < dataset.classes; ++label) {
    fmt::print("  {:<{}} {:>8}\n", dataset.class_name(label), width, counts[label]);
  }
}

void verify(const DataArguments& arguments) {
  const auto info = data::find_dataset(arguments.options.name);
  const auto root = data::data_root(arguments.options.root);
  const auto splits = data::load(arguments.options, arguments.seed);
  print_split(splits.train);
  print_split(splits.test);
  const auto report = data::verify_checksums(root, info.folder);
  for (const std::string& problem : report.problems) fmt::print("{}\n", problem);
  if (!report.problems.empty()) {
    throw DataError(fmt::format("{}: expected all files as SHA256SUMS lists them, got {} that are not",
                                (root / info.folder).string(), report.problems.size()));
  }
  if (report.listed) fmt::print("{} files match SHA256SUMS\n", report.matching);
  fmt::print("{} can be used\n", info.name);
}

void show(const DataArguments& arguments) {
  const auto splits = data::load(arguments.options, arguments.seed);
  const auto& dataset = arguments.split == "test" ? splits.test : splits.train;
  const std::string file = arguments.output.empty() ? arguments.options.name + ".png" : arguments.output;
  data::write_png(file, data::contact_sheet(dataset, arguments.columns, arguments.scale));
  fmt::print("{}: {} classes, up to {} examples each, is in {}\n", dataset.name, dataset.classes, arguments.columns,
             file);
}

CLI::App* add_action(CLI::App& parent, const std::string& name, const std::string& description,
                     const std::shared_ptr<DataArguments>& arguments, void (*action)(const DataArguments&)) {
  CLI::App* command = parent.add_subcommand(name, description);
  command->add_option("--root", arguments->options.root,
                      "folder of all datasets (default: $ARCHLEAK_DATA, else data-cache)");
  command->callback([arguments, action] { action(*arguments); });
  return command;
}

void add_name(CLI::App& command, const std::shared_ptr<DataArguments>& arguments) {
  command.add_option("name", arguments->options.name, "dataset, see 'archleak data list'")->required();
}

void add_sampling(CLI::App& command, const std::shared_ptr<DataArguments>& arguments) {
  command.add_option("--path", arguments->options.path,
                     "datasets 'folder' and 'table': where they are, relative to root");
  command.add_option("--seed", arguments->seed, "seed of synthetic datasets")->capture_default_str();
}

}  // namespace

void add_data_command(CLI::App& app) {
  const auto arguments = std::make_shared<DataArguments>();
  CLI::App* command = app.add_subcommand("data", "List, download, verify and show datasets");
  command->require_subcommand(1);

  add_action(*command, "list", "List the datasets and which are here", arguments, list);

  CLI::App* getting =
      add_action(*command, "get", "Download a dataset, continuing where an earlier try ended", arguments, get);
  add_name(*getting, arguments);
  getting->add_option("--url", arguments->mirror, "mirror: take the published file names from this address instead");

  CLI::App* verifying =
      add_action(*command, "verify", "Read a dataset whole, count its classes, check SHA256SUMS", arguments, verify);
  add_name(*verifying, arguments);
  add_sampling(*verifying, arguments);

  CLI::App* showing = add_action(*command, "show", "Write a PNG sheet with examples of every class", arguments, show);
  add_name(*showing, arguments);
  add_sampling(*showing, arguments);
  showing->add_option("--split", arguments->split, "train or test")
      ->check(CLI::IsMember({"train", "test"}))
      ->capture_default_str();
  showing->add_option("--columns", arguments->columns, "examples a class")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  showing->add_option("--scale", arguments->scale, "pixels on the sheet for one of the image")
      ->check(CLI::Range(1, 16))
      ->capture_default_str();
  showing->add_option("-o,--output", arguments->output, "PNG file (default: NAME.png)");
}

}  // namespace archleak::sim
