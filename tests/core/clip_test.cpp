#include "core/clip.h"

#include <gmock/gmock.h>

namespace archleak {
namespace {

using testing::ElementsAre;

TEST(ClipToNorm, ShortensLongUpdatesAlone) {
  std::vector<float> values{3, 4};
  EXPECT_EQ(clip_to_norm(values, {}, 5), 5);
  EXPECT_THAT(values, ElementsAre(3, 4));
  EXPECT_EQ(clip_to_norm(values, {}, 2.5), 5);
  EXPECT_THAT(values, ElementsAre(1.5f, 2));
}

TEST(ClipToNorm, MeasuresFromTheCenter) {
  std::vector<float> values{13, 24};
  EXPECT_EQ(clip_to_norm(values, std::vector<float>{10, 20}, 2.5), 5);
  EXPECT_THAT(values, ElementsAre(11.5f, 22));
}

}  // namespace
}  // namespace archleak
