#include "sim/nas_command.h"

#include <spdlog/fmt/fmt.h>
#include <spdlog/fmt/ranges.h>

#include <CLI/CLI.hpp>
#include <charconv>
#include <cstdio>
#include <filesystem>
#include <memory>

#include "core/error.h"
#include "core/file.h"
#include "core/shape.h"
#include "core/torch_random.h"
#include "models/count.h"
#include "nas/derived_network.h"
#include "nas/genotype.h"
#include "nas/genotype_svg.h"

namespace archleak::sim {
namespace {

constexpr int64_t kMaxSide = 4096;

/// "3x32x32"
ExampleShape parse_shape(const std::string& text) {
  ExampleShape shape;
  const char* at = text.data();
  const char* end = at + text.size();
  bool good = true;
  for (int64_t* side : {&shape.channels, &shape.height, &shape.width}) {
    const auto [next, error] = std::from_chars(at, end, *side);
    good = good && error == std::errc() && *side >= 1 && *side <= kMaxSide;
    at = next;
    if (side != &shape.width) good = good && at != end && *at++ == 'x';
  }
  if (!good || at != end) {
    throw ConfigError(
        fmt::format("--input: expected CHANNELSxHEIGHTxWIDTH, each from 1 to {}, got '{}'", kMaxSide, text));
  }
  return shape;
}

struct CountArguments {
  std::string genotype;
  nas::DerivedOptions options;
  int64_t classes = 10;
  std::string input = "3x32x32";
};

void count(const CountArguments& arguments) {
  const ExampleShape shape = parse_shape(arguments.input);
  const auto genotype = nas::load_genotype(arguments.genotype);
  const auto cost_with = [&](bool auxiliary) {
    nas::DerivedOptions options = arguments.options;
    options.auxiliary = auxiliary;
    const at::Generator init = make_torch_generator({.purpose = "weights"});
    nas::DerivedNetwork network(genotype, options, shape, arguments.classes, init);
    return models::count_cost(network, shape);
  };
  const models::NetworkCost cost = cost_with(false);
  fmt::print("weights         {:>14}\n", fmt::group_digits(cost.weights));
  if (arguments.options.auxiliary) {
    fmt::print("with auxiliary  {:>14}\n", fmt::group_digits(cost_with(true).weights));
  }
  fmt::print("multiply-adds   {:>14}  for one example of {}\n", fmt::group_digits(cost.multiply_adds), arguments.input);
}

void add_count(CLI::App& nas) {
  auto* command = nas.add_subcommand("count", "weights and multiply-adds of the network that a genotype derives to");
  const auto arguments = std::make_shared<CountArguments>();
  command->add_option("genotype", arguments->genotype, "JSON file or published name")->required();
  command->add_option("--channels", arguments->options.channels, "channels of a node before the first reduction")
      ->capture_default_str()
      ->check(CLI::Range(1, 4096));
  command->add_option("--layers", arguments->options.layers, "number of cells")
      ->capture_default_str()
      ->check(CLI::Range(1, 1000));
  command->add_option("--classes", arguments->classes, "number of classes")
      ->capture_default_str()
      ->check(CLI::Range(2, 1000000));
  command->add_flag("--auxiliary", arguments->options.auxiliary, "also count with the auxiliary head");
  command->add_option("--input", arguments->input, "channels x height x width of an example")->capture_default_str();
  command->callback([arguments] { count(*arguments); });
}

void add_draw(CLI::App& nas) {
  struct Arguments {
    std::string genotype, out, title;
  };
  auto* command = nas.add_subcommand("draw", "draw both cells of a genotype as SVG");
  const auto arguments = std::make_shared<Arguments>();
  command->add_option("genotype", arguments->genotype, "JSON file or published name")->required();
  command->add_option("--out", arguments->out, "SVG file to write")->required();
  command->add_option("--title", arguments->title, "heading; the file's or the genotype's name where absent");
  command->callback([arguments] {
    const auto genotype = nas::load_genotype(arguments->genotype);
    const std::string name = std::filesystem::path(arguments->genotype).stem().string();
    write_file_atomically(arguments->out,
                          nas::genotype_svg(genotype, arguments->title.empty() ? name : arguments->title));
  });
}

std::string as_text(const nas::Genotype& genotype) {
  const auto state = [](int64_t index) {
    return index == 0   ? std::string("c_{k-2}")
           : index == 1 ? std::string("c_{k-1}")
                        : fmt::format("node {}", index - 2);
  };
  const auto cell = [&](const char* name, const auto& edges, const auto& concat) {
    std::string text = fmt::format("{}\n", name);
    for (size_t i = 0; i < edges.size(); ++i) {
      text += fmt::format("  {:<7}{} {:<13} {}\n", i % 2 ? "" : state(static_cast<int64_t>(i / 2 + 2)),
                          i % 2 ? "+" : "=", edges[i].operation, state(edges[i].from));
    }
    std::vector<std::string> outputs;
    for (const int64_t index : concat) outputs.push_back(state(index));
    return text + fmt::format("  output = {}\n", fmt::join(outputs, ", "));
  };
  return cell("normal cell", genotype.normal, genotype.normal_concat) +
         cell("reduction cell", genotype.reduce, genotype.reduce_concat);
}

void add_show(CLI::App& nas) {
  struct Arguments {
    std::string genotype, format = "text";
  };
  auto* command = nas.add_subcommand("show", "print a genotype");
  const auto arguments = std::make_shared<Arguments>();
  command->add_option("genotype", arguments->genotype, "JSON file or published name")->required();
  command->add_option("--format", arguments->format, "text, json or python (as in DARTS' genotypes.py)")
      ->capture_default_str()
      ->check(CLI::IsMember({"text", "json", "python"}));
  command->callback([arguments] {
    const auto genotype = nas::load_genotype(arguments->genotype);
    std::fputs((arguments->format == "json"     ? nas::to_json(genotype)
                : arguments->format == "python" ? nas::to_python(genotype) + "\n"
                                                : as_text(genotype))
                   .c_str(),
               stdout);
  });
}

}  // namespace

void add_nas_command(CLI::App& app) {
  auto* nas = app.add_subcommand(
      "nas", fmt::format("look at genotypes: a JSON file, or one of {}", fmt::join(nas::genotype_names(), ", ")));
  nas->require_subcommand(1);
  add_count(*nas);
  add_draw(*nas);
  add_show(*nas);
}

}  // namespace archleak::sim
