#include "nas/genotype_svg.h"

#include <gmock/gmock.h>

#include <cmath>

#include "core/error.h"
#include "nas/layered_layout.h"

namespace archleak::nas {
namespace {

int64_t occurrences(const std::string& text, const std::string& word) {
  int64_t count = 0;
  for (size_t at = text.find(word); at != std::string::npos; at = text.find(word, at + 1)) ++count;
  return count;
}

TEST(GenotypeSvg, NamesEveryEdgeOnceAndTheLegendEachOperation) {
  const std::string svg = genotype_svg(named_genotype("DARTS_V2"), "searched");
  EXPECT_EQ(occurrences(svg, ">sep_conv_3x3<"), 5 + 1);
  EXPECT_EQ(occurrences(svg, ">skip_connect<"), 2 + 3 + 1);
  EXPECT_EQ(occurrences(svg, ">max_pool_3x3<"), 5 + 1);
  EXPECT_EQ(occurrences(svg, ">dil_conv_3x3<"), 1 + 1);
  EXPECT_EQ(occurrences(svg, ">dil_conv_5x5<"), 0);
  EXPECT_EQ(occurrences(svg, ">k-2<"), 2);
  EXPECT_EQ(occurrences(svg, "<g "), occurrences(svg, "</g>"));
  EXPECT_THAT(svg, testing::AllOf(testing::StartsWith("<svg "), testing::EndsWith("</svg>\n")));
}

TEST(GenotypeSvg, EscapesItsTitle) {
  const std::string svg = genotype_svg(named_genotype("DARTS_V1"), "<a> & \x01");
  EXPECT_THAT(svg, testing::HasSubstr("&lt;a&gt; &amp; <"));
}

TEST(GenotypeSvg, DrawsTheLargestCellAndRefusesOneThatIsNone) {
  RandomEngine engine = make_engine({.seed = 1, .purpose = "genotype"});
  Genotype genotype = random_genotype(32, engine);
  EXPECT_EQ(occurrences(genotype_svg(genotype, ""), "rx=\"11\""), 2 * 64);
  genotype.normal[0].from = 9;
  EXPECT_THROW(genotype_svg(genotype, ""), DataError);
}

TEST(LayeredLayout, KeepsItemsApartAndLeavesNoNeedlessCrossing) {
  // Two chains that cross if drawn in the order given, and a third item between.
  std::vector<LayoutItem> items = {{0, 20}, {0, 20}, {1, 10}, {1, 30}, {1, 10}, {2, 20}, {2, 20}};
  const std::vector<LayoutLink> links = {{0, 4}, {1, 2}, {1, 3}, {2, 5}, {3, 5}, {4, 6}};
  EXPECT_GT(crossings({{0, 0, 0}, {0, 0, 1}, {1, 0, 0}, {1, 0, 1}}, {{0, 3}, {1, 2}}), 0);
  arrange(items, links, 5);
  EXPECT_EQ(crossings(items, links), 0);
  for (size_t a = 0; a < items.size(); ++a) {
    for (size_t b = a + 1; b < items.size(); ++b) {
      if (items[a].layer != items[b].layer) continue;
      EXPECT_GE(std::abs(items[a].y - items[b].y) + 1e-9, (items[a].height + items[b].height) / 2 + 5);
    }
  }
}

TEST(LayeredLayout, DrawsAChainStraight) {
  std::vector<LayoutItem> items = {{0, 20}, {1, 10}, {2, 20}};
  arrange(items, {{0, 1}, {1, 2}}, 5);
  EXPECT_NEAR(items[0].y, items[1].y, 1e-6);
  EXPECT_NEAR(items[2].y, items[1].y, 1e-6);
}

}  // namespace
}  // namespace archleak::nas
