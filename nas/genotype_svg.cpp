#include "nas/genotype_svg.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <map>
#include <optional>

#include "nas/layered_layout.h"

namespace archleak::nas {
namespace {

constexpr double kStateWidth = 64, kStateHeight = 34;
constexpr double kLabelWidth = 102, kLabelHeight = 22;
constexpr double kThread = 6;     // a line that passes a layer
constexpr double kGap = 14;       // between items of a layer
constexpr double kLayerGap = 42;  // between layers
constexpr double kMargin = 24;
constexpr const char* kConcatColour = "#9aa0a6";

/// After Okabe and Ito, told apart with any colour vision; "skip_connect" is grey.
const char* colour(const std::string& operation) {
  if (operation == "max_pool_3x3") return "#d55e00";
  if (operation == "avg_pool_3x3") return "#e69f00";
  if (operation == "sep_conv_3x3") return "#0072b2";
  if (operation == "sep_conv_5x5") return "#56b4e9";
  if (operation == "dil_conv_3x3") return "#009e73";
  if (operation == "dil_conv_5x5") return "#cc79a7";
  return "#5f6368";
}

std::string escape(const std::string& text) {
  std::string safe;
  for (const char c : text) {
    if (c == '<')
      safe += "&lt;";
    else if (c == '>')
      safe += "&gt;";
    else if (c == '&')
      safe += "&amp;";
    else if (static_cast<unsigned char>(c) >= ' ')
      safe += c;
  }
  return safe;
}

/// A line from state to state through items of the layers between; one of them may be its label.
struct Line {
  std::vector<int64_t> items;
  std::string operation;  ///< empty for a line to the cell's output
  double port = 0;        ///< where it ends, above or below the middle of the last item
};

/// One cell, laid out. States and threads stand in even layers, labels and threads in odd ones.
class CellDrawing {
 public:
  CellDrawing(const std::vector<Genotype::Edge>& edges, const std::vector<int64_t>& concat) {
    const auto nodes = static_cast<int64_t>(edges.size() / 2);
    std::vector<int64_t> layer(nodes + 2, 0);
    for (int64_t node = 0; node < nodes; ++node) {
      layer[node + 2] = 2 + std::max(layer[edges[2 * node].from], layer[edges[2 * node + 1].from]);
    }
    const int64_t output_layer = 2 + *std::max_element(layer.begin(), layer.end());
    for (int64_t state = 0; state < nodes + 2; ++state) add_state(layer[state], state_name(state));
    const int64_t output = add_state(output_layer, "c_{k}");
    for (size_t i = 0; i < edges.size(); ++i) {
      connect(edges[i].from, static_cast<int64_t>(i / 2 + 2), edges[i].operation);
    }
    for (const int64_t state : concat) connect(state, output, "");
    arrange(items_, links_, kGap);
    for (int64_t state = 0; state <= output; ++state) spread_ports(state);
    top_ = items_[0].y;
    double bottom = top_;
    for (const auto& item : items_) {
      top_ = std::min(top_, item.y - item.height / 2);
      bottom = std::max(bottom, item.y + item.height / 2);
    }
    height_ = bottom - top_;
    width_ = right_of(output_layer);
  }

  double width() const { return width_; }
  double height() const { return height_; }

  std::string svg(double left, double top) const {
    std::string text = fmt::format("<g transform=\"translate({:.1f} {:.1f})\">\n", left, top - top_);
    for (const auto& line : lines_) text += path(line);
    for (const auto& line : lines_) text += label(line);
    for (size_t state = 0; state < names_.size(); ++state) text += box(static_cast<int64_t>(state));
    return text + "</g>\n";
  }

 private:
  static std::string state_name(int64_t state) {
    if (state == 0) return "c_{k-2}";
    if (state == 1) return "c_{k-1}";
    return std::to_string(state - 2);
  }

  int64_t add_state(int64_t layer, std::string name) {
    items_.push_back({layer, kStateHeight});
    names_.push_back(std::move(name));
    return static_cast<int64_t>(items_.size()) - 1;
  }

  void connect(int64_t from, int64_t to, const std::string& operation) {
    Line line{{from}, operation};
    for (int64_t layer = items_[from].layer + 1; layer < items_[to].layer; ++layer) {
      const bool labelled = !operation.empty() && layer == items_[to].layer - 1;
      items_.push_back({layer, labelled ? kLabelHeight : kThread});
      line.items.push_back(static_cast<int64_t>(items_.size()) - 1);
    }
    line.items.push_back(to);
    for (size_t i = 0; i + 1 < line.items.size(); ++i) links_.push_back({line.items[i], line.items[i + 1]});
    lines_.push_back(std::move(line));
  }

  /// Lets the lines that end at `state` end beside one another, in the order in which they come.
  void spread_ports(int64_t state) {
    std::vector<Line*> ending;
    for (auto& line : lines_) {
      if (line.items.back() == state) ending.push_back(&line);
    }
    const auto height = [this](const Line* line) { return items_[line->items[line->items.size() - 2]].y; };
    std::stable_sort(ending.begin(), ending.end(), [&](const Line* a, const Line* b) { return height(a) < height(b); });
    const auto count = static_cast<double>(ending.size());
    const double spacing = std::min(12.0, (kStateHeight - 8) / count);
    for (size_t place = 0; place < ending.size(); ++place) {
      ending[place]->port = (static_cast<double>(place) - (count - 1) / 2) * spacing;
    }
  }

  static double layer_width(int64_t layer) { return layer % 2 == 0 ? kStateWidth : kLabelWidth; }
  static double left_of(int64_t layer) {
    return static_cast<double>(layer / 2) * (kStateWidth + kLabelWidth + 2 * kLayerGap) +
           (layer % 2 ? kStateWidth + kLayerGap : 0);
  }
  static double right_of(int64_t layer) { return left_of(layer) + layer_width(layer); }

  std::string path(const Line& line) const {
    std::string d = fmt::format("M{:.1f} {:.1f}", right_of(items_[line.items[0]].layer), items_[line.items[0]].y);
    for (size_t i = 1; i < line.items.size(); ++i) {
      const auto& from = items_[line.items[i - 1]];
      const auto& to = items_[line.items[i]];
      const double middle = (right_of(from.layer) + left_of(to.layer)) / 2;
      const bool last = i + 1 == line.items.size();
      const double y = to.y + (last ? line.port : 0);
      d += fmt::format("C{0:.1f} {1:.1f} {0:.1f} {2:.1f} {3:.1f} {2:.1f}", middle, from.y, y,
                       left_of(to.layer) - (last ? 5 : 0));
      if (!last) d += fmt::format("H{:.1f}", right_of(to.layer));
    }
    const char* stroke = line.operation.empty() ? kConcatColour : colour(line.operation);
    const char* dash = line.operation.empty() ? " stroke-dasharray=\"5 4\"" : "";
    const double x = left_of(items_[line.items.back()].layer);
    const double y = items_[line.items.back()].y + line.port;
    return fmt::format(
        "<path d=\"{0}\" fill=\"none\" stroke=\"{1}\" stroke-width=\"2\"{2}/>\n"
        "<path d=\"M{3:.1f} {4:.1f}l-8 -4v8z\" fill=\"{1}\"/>\n",
        d, stroke, dash, x, y);
  }

  std::string label(const Line& line) const {
    if (line.operation.empty()) return "";
    const auto& item = items_[line.items[line.items.size() - 2]];
    return fmt::format(
        "<rect x=\"{:.1f}\" y=\"{:.1f}\" width=\"{}\" height=\"{}\" rx=\"11\" fill=\"{}\"/>\n"
        "<text x=\"{:.1f}\" y=\"{:.1f}\" fill=\"#fff\" font-weight=\"600\">{}</text>\n",
        left_of(item.layer), item.y - kLabelHeight / 2, kLabelWidth, kLabelHeight, colour(line.operation),
        left_of(item.layer) + kLabelWidth / 2, item.y + 4, line.operation);
  }

  std::string box(int64_t state) const {
    const auto& item = items_[state];
    const std::string& name = names_[state];
    const bool inner = name[0] != 'c';
    std::string shown = name;
    if (!inner) {
      shown = fmt::format("c<tspan font-size=\"10\" dy=\"4\">{}</tspan>", name.substr(3, name.size() - 4));
    }
    return fmt::format(
        "<rect x=\"{:.1f}\" y=\"{:.1f}\" width=\"{}\" height=\"{}\" rx=\"6\" fill=\"{}\" stroke=\"#3c4043\" "
        "stroke-width=\"1.5\"/>\n<text x=\"{:.1f}\" y=\"{:.1f}\" fill=\"#202124\" font-size=\"15\">{}</text>\n",
        left_of(item.layer), item.y - kStateHeight / 2, kStateWidth, kStateHeight, inner ? "#ffffff" : "#e8eaed",
        left_of(item.layer) + kStateWidth / 2, item.y + 5, shown);
  }

  std::vector<LayoutItem> items_;  // the states first
  std::vector<std::string> names_;
  std::vector<LayoutLink> links_;
  std::vector<Line> lines_;
  double top_ = 0;
  double width_ = 0;
  double height_ = 0;
};

std::string heading(const std::string& text, double x, double y, int size) {
  return fmt::format(
      "<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"start\" font-size=\"{}\" font-weight=\"600\" "
      "fill=\"#202124\">{}</text>\n",
      x, y, size, escape(text));
}

/// Moves `y` to the last line of the legend.
std::string legend(const Genotype& genotype, double width, double& y) {
  std::string text;
  double x = kMargin;
  const auto entry = [&](const std::string& name, const char* stroke, const char* dash) {
    const double room = 32 + 7.2 * static_cast<double>(name.size()) + 20;
    if (x + room > width) x = kMargin, y += 22;
    text += fmt::format(
        "<path d=\"M{:.1f} {:.1f}h26\" stroke=\"{}\" stroke-width=\"3\"{}/>\n"
        "<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"start\" fill=\"#3c4043\">{}</text>\n",
        x, y, stroke, dash, x + 32, y + 4, name);
    x += room;
  };
  for (const char* primitive : kPrimitives) {
    const auto uses = [&](const auto& edges) {
      return std::any_of(edges.begin(), edges.end(), [&](const auto& edge) { return edge.operation == primitive; });
    };
    if (uses(genotype.normal) || uses(genotype.reduce)) entry(primitive, colour(primitive), "");
  }
  entry("concatenation", kConcatColour, " stroke-dasharray=\"5 4\"");
  return text;
}

}  // namespace

std::string genotype_svg(const Genotype& genotype, const std::string& title) {
  validate(genotype, title.empty() ? "genotype" : title);
  const CellDrawing normal(genotype.normal, genotype.normal_concat);
  const CellDrawing reduce(genotype.reduce, genotype.reduce_concat);
  const double width = std::max({normal.width(), reduce.width(), 760.0}) + 2 * kMargin;
  double y = kMargin;
  std::string body;
  if (!title.empty()) {
    body += heading(title, kMargin, y + 14, 18);
    y += 40;
  }
  for (const auto& [name, cell] :
       {std::pair("Normal cell", &normal), {"Reduction cell (edges from the inputs have stride 2)", &reduce}}) {
    body += heading(name, kMargin, y + 12, 14);
    y += 30;
    body += cell->svg(kMargin, y);
    y += cell->height() + 34;
  }
  body += legend(genotype, width, y);
  return fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{0:.0f}\" height=\"{1:.0f}\" viewBox=\"0 0 {0:.0f} "
      "{1:.0f}\" font-family=\"DejaVu Sans, Helvetica, Arial, sans-serif\" font-size=\"12\" "
      "text-anchor=\"middle\">\n<rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n{2}</svg>\n",
      width, y + kMargin, body);
}

}  // namespace archleak::nas
