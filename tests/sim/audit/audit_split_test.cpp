#include "sim/audit/audit_split.h"

#include <gmock/gmock.h>

#include <numeric>
#include <set>

#include "core/error.h"

namespace archleak::sim {
namespace {

TEST(AuditSplit, TheTargetIsTrainedOnHalfOfTheSamplesAndEachSampleIsInHalfOfTheShadows) {
  for (const uint64_t seed : {1, 2, 3}) {
    const AuditSplit split = make_audit_split(500, {.samples = 100, .population = 30, .shadows = 6}, seed);
    ASSERT_EQ(split.models(), 7);
    EXPECT_EQ(split.training_set(0).size(), 50);
    for (int64_t sample = 0; sample < 100; ++sample) {
      int shadows = 0;
      for (int64_t model = 1; model < 7; ++model) shadows += split.in[model][sample];
      EXPECT_EQ(shadows, 3);
    }
  }
}

TEST(AuditSplit, NoModelIsTrainedOnThePopulationOrOnWhatIsNotAskedAbout) {
  const AuditSplit split = make_audit_split(200, {.samples = 100, .population = 50, .shadows = 6}, 1);
  const std::set<int64_t> samples(split.samples.begin(), split.samples.end());
  EXPECT_EQ(samples.size(), 100);
  for (const int64_t place : split.population) EXPECT_FALSE(samples.contains(place));
  for (int64_t model = 0; model < split.models(); ++model) {
    const auto places = split.training_set(model);
    EXPECT_TRUE(std::is_sorted(places.begin(), places.end()));
    for (const int64_t place : places) EXPECT_TRUE(samples.contains(place));
  }
}

TEST(AuditSplit, TheReferenceIsNeitherAskedAboutNorTrainedOnNorPopulation) {
  const AuditSplit split = make_audit_split(200, {.samples = 100, .population = 50, .reference = 50, .shadows = 6}, 1);
  std::set<int64_t> all(split.samples.begin(), split.samples.end());
  all.insert(split.population.begin(), split.population.end());
  all.insert(split.reference.begin(), split.reference.end());
  EXPECT_EQ(split.reference.size(), 50u);
  EXPECT_EQ(all.size(), 200u);
  EXPECT_THROW(make_audit_split(200, {.samples = 100, .population = 50, .reference = 51, .shadows = 6}, 1),
               ConfigError);
}

TEST(AuditSplit, IsThatOfItsSeed) {
  const AuditOptions options{.samples = 60, .population = 10, .shadows = 6};
  EXPECT_EQ(make_audit_split(100, options, 4).in, make_audit_split(100, options, 4).in);
  EXPECT_NE(make_audit_split(100, options, 4).in, make_audit_split(100, options, 5).in);
}

TEST(AuditSplit, TooFewExamplesAreAnError) {
  EXPECT_THROW(make_audit_split(100, {.samples = 90, .population = 11, .shadows = 6}, 1), ConfigError);
  EXPECT_NO_THROW(make_audit_split(100, {.samples = 90, .population = 10, .shadows = 6}, 1));
}

}  // namespace
}  // namespace archleak::sim
