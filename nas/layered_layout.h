#pragma once
#include <cstdint>
#include <vector>

namespace archleak::nas {

/// Something that takes room in one layer of a drawing.
struct LayoutItem {
  int64_t layer;  ///< layers go from left to right
  double height;
  double y = 0;  ///< the centre; what `arrange` finds
};

/// A line between two items, by index, of which the second lies one layer to the right of the first.
struct LayoutLink {
  int64_t from;
  int64_t to;
};

/// Places items of a layered graph above one another so that no two of a layer come closer than `gap`, few links cross,
/// and links are short (Sugiyama et al. 1981: barycentre order; here least-squares positions). Deterministic.
void arrange(std::vector<LayoutItem>& items, const std::vector<LayoutLink>& links, double gap);

/// How many pairs of links cross, given the items' heights above one another.
int64_t crossings(const std::vector<LayoutItem>& items, const std::vector<LayoutLink>& links);

}  // namespace archleak::nas
