#include "nas/layered_layout.h"

#include <algorithm>

namespace archleak::nas {
namespace {

constexpr int kSweeps = 40;
constexpr double kThinWeight = 6;  // lines between two thin items are long ones passing by: keep them straight

class Arrangement {
 public:
  Arrangement(std::vector<LayoutItem>& items, const std::vector<LayoutLink>& links, double gap)
      : items_(items), links_(links), gap_(gap), neighbours_(items.size()) {
    int64_t layers = 0;
    for (const auto& item : items) layers = std::max(layers, item.layer + 1);
    layers_.resize(layers);
    for (size_t i = 0; i < items.size(); ++i) layers_[items[i].layer].push_back(static_cast<int64_t>(i));
    for (const auto& link : links) {
      neighbours_[link.from].push_back(link.to);
      neighbours_[link.to].push_back(link.from);
    }
    double thinnest = items.empty() ? 0 : items[0].height;
    for (const auto& item : items) thinnest = std::min(thinnest, item.height);
    for (const auto& item : items) thin_.push_back(item.height <= thinnest);
  }

  void order() {
    number();
    auto best = layers_;
    int64_t fewest = crossings(items_, links_);
    for (int sweep = 0; sweep < kSweeps && fewest > 0; ++sweep) {
      const int64_t side = sweep % 2 == 0 ? -1 : 1;
      for (size_t step = 0; step < layers_.size(); ++step)
        sort_by_barycentre(side < 0 ? step : layers_.size() - 1 - step, side);
      swap_neighbours();
      const int64_t now = crossings(items_, links_);
      if (now < fewest) fewest = now, best = layers_;
    }
    layers_ = best;
  }

  void place() {
    for (auto& layer : layers_) project(layer, std::vector<double>(layer.size(), 0));
    for (int sweep = 0; sweep < kSweeps; ++sweep) {
      for (size_t step = 0; step < layers_.size(); ++step) {
        auto& layer = layers_[sweep % 2 == 0 ? step : layers_.size() - 1 - step];
        std::vector<double> wanted;
        for (const int64_t i : layer) wanted.push_back(mean_of_neighbours(i));
        project(layer, wanted);
      }
    }
  }

 private:
  /// y becomes the place within the layer: what the ordering works on.
  void number() {
    for (const auto& layer : layers_) {
      for (size_t place = 0; place < layer.size(); ++place) items_[layer[place]].y = static_cast<double>(place);
    }
  }

  void sort_by_barycentre(size_t index, int64_t side) {
    auto& layer = layers_[index];
    std::vector<std::pair<double, int64_t>> keyed;
    for (const int64_t i : layer) {
      double sum = 0;
      int64_t count = 0;
      for (const int64_t j : neighbours_[i]) {
        if (items_[j].layer == items_[i].layer + side) sum += items_[j].y, ++count;
      }
      keyed.emplace_back(count ? sum / static_cast<double>(count) : items_[i].y, i);
    }
    std::stable_sort(keyed.begin(), keyed.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
    for (size_t place = 0; place < layer.size(); ++place) {
      layer[place] = keyed[place].second;
      items_[layer[place]].y = static_cast<double>(place);
    }
  }

  void swap_neighbours() {
    for (bool better = true; better;) {
      better = false;
      for (auto& layer : layers_) {
        for (size_t place = 0; place + 1 < layer.size(); ++place) {
          if (crossings_of(layer[place + 1], layer[place]) >= crossings_of(layer[place], layer[place + 1])) continue;
          std::swap(items_[layer[place]].y, items_[layer[place + 1]].y);
          std::swap(layer[place], layer[place + 1]);
          better = true;
        }
      }
    }
  }

  /// How many links of two items of a layer cross when `upper` stands above `lower`.
  int64_t crossings_of(int64_t upper, int64_t lower) const {
    int64_t count = 0;
    for (const int64_t i : neighbours_[upper]) {
      for (const int64_t j : neighbours_[lower])
        count += items_[i].layer == items_[j].layer && items_[i].y > items_[j].y;
    }
    return count;
  }

  double mean_of_neighbours(int64_t i) const {
    double sum = 0;
    double weights = 0;
    for (const int64_t j : neighbours_[i]) {
      const double weight = thin_[i] && thin_[j] ? kThinWeight : 1;
      sum += weight * items_[j].y;
      weights += weight;
    }
    return weights > 0 ? sum / weights : items_[i].y;
  }

  /// The positions nearest to `wanted` (least squares) that keep order and distance: pool adjacent violators.
  void project(const std::vector<int64_t>& layer, const std::vector<double>& wanted) {
    struct Block {
      double sum;
      double count;
      double mean() const { return sum / count; }
    };
    std::vector<double> offset(layer.size(), 0);
    for (size_t k = 1; k < layer.size(); ++k) {
      offset[k] = offset[k - 1] + (items_[layer[k - 1]].height + items_[layer[k]].height) / 2 + gap_;
    }
    std::vector<Block> blocks;
    for (size_t k = 0; k < layer.size(); ++k) {
      blocks.push_back({wanted[k] - offset[k], 1});
      while (blocks.size() > 1 && blocks[blocks.size() - 2].mean() > blocks.back().mean()) {
        const Block last = blocks.back();
        blocks.pop_back();
        blocks.back().sum += last.sum;
        blocks.back().count += last.count;
      }
    }
    size_t k = 0;
    for (const auto& block : blocks) {
      for (int64_t n = 0; n < static_cast<int64_t>(block.count); ++n, ++k)
        items_[layer[k]].y = block.mean() + offset[k];
    }
  }

  std::vector<LayoutItem>& items_;
  const std::vector<LayoutLink>& links_;
  double gap_;
  std::vector<std::vector<int64_t>> neighbours_;
  std::vector<std::vector<int64_t>> layers_;
  std::vector<bool> thin_;
};

}  // namespace

int64_t crossings(const std::vector<LayoutItem>& items, const std::vector<LayoutLink>& links) {
  int64_t count = 0;
  for (size_t a = 0; a < links.size(); ++a) {
    for (size_t b = a + 1; b < links.size(); ++b) {
      if (items[links[a].from].layer != items[links[b].from].layer) continue;
      const double left = items[links[a].from].y - items[links[b].from].y;
      const double right = items[links[a].to].y - items[links[b].to].y;
      count += left * right < 0;
    }
  }
  return count;
}

void arrange(std::vector<LayoutItem>& items, const std::vector<LayoutLink>& links, double gap) {
  Arrangement arrangement(items, links, gap);
  arrangement.order();
  arrangement.place();
}

}  // namespace archleak::nas
