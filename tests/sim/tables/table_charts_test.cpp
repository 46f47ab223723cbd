#include "sim/tables/table_charts.h"

#include <gmock/gmock.h>

#include <cstdio>

#include "sim/interval_chart.h"
#include "sim/tables/table_runner.h"
#include "tests/sim/tables/coin.h"
#include "tests/support/paths.h"

namespace archleak::sim {
namespace {

using testing::HasSubstr;
using testing::Not;

size_t count(const std::string& text, const std::string& part) {
  size_t found = 0;
  for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++found;
  return found;
}

class TableCharts : public testing::Test {
 protected:
  std::string charts(const std::string& chart, int64_t trials = 10) {
    TableRequest request = test::coin_request(test::kCoinTable + chart);
    request.trials = trials;
    const TablePlan plan = plan_table(request, {test::coin()});
    ResultsStore store(folder_ / "results.sqlite");
    if (trials > 1) {
      std::FILE* const nowhere = std::fopen("/dev/null", "w");
      const std::atomic<bool> stop{false};
      run_table(plan, test::coin(), store, {.jobs = 1, .progress = nowhere}, stop);
      std::fclose(nowhere);
    }
    return charts_section(collect_table(plan, store));
  }

  std::string error_of(const std::string& chart) {
    try {
      plan_table(test::coin_request(test::kCoinTable + "\n[[charts]]\n" + chart), {test::coin()});
    } catch (const ConfigError& error) {
      return error.what();
    }
    return "no error";
  }

  archleak::test::TemporaryFolder folder_;
};

TEST_F(TableCharts, HaveALineForEachPlaceOfTheOtherAxesAndTheirNames) {
  const std::string html = charts("\n[[charts]]\nfigure = \"heads\"\nalong = \"bias\"\n");
  EXPECT_EQ(count(html, "<svg"), 1);
  for (const char* text : {"0.2", "0.5", "0.8", "heads", "tails", "published"}) EXPECT_THAT(html, HasSubstr(text));
}

TEST_F(TableCharts, AreAsManyAsTheSplitAxesHavePlaces) {
  const std::string html = charts("\n[[charts]]\nfigure = \"heads\"\nalong = \"bias\"\nsplit = [\"side\"]\n");
  EXPECT_EQ(count(html, "<svg"), 2);
}

TEST_F(TableCharts, AreLeftOutWhereNothingWasMeasured) {
  EXPECT_EQ(charts("\n[[charts]]\nfigure = \"heads\"\nalong = \"bias\"\n", 1), "");
}

TEST_F(TableCharts, ThatCannotBeDrawnAreErrors) {
  EXPECT_THAT(error_of("figure = \"haeds\"\nalong = \"bias\"\n"), HasSubstr("'heads'"));
  EXPECT_THAT(error_of("figure = \"heads\"\nalong = \"bais\"\n"), HasSubstr("'bias'"));
  EXPECT_THAT(error_of("figure = \"heads\"\nalong = \"bias\"\nsplit = [\"sied\"]\n"), HasSubstr("'side'"));
  EXPECT_THAT(error_of("figure = \"heads\"\nalong = \"bias\"\nsplit = [\"bias\"]\n"), HasSubstr("other than bias"));
  EXPECT_THAT(error_of("figure = \"heads\"\nalong = \"bias\"\nspilt = []\n"), HasSubstr("spilt"));
}

TEST(IntervalChart, LeavesOutWhatWasNotMeasuredAndRefusesWhatDoesNotFit) {
  const Estimate none;
  const Estimate half{.value = 0.5, .low = 0.4, .high = 0.6, .count = 9};
  const auto chart = [](std::vector<IntervalSeries> series) {
    return IntervalChart{.title = "Rate", .x_label = "P", .y_label = "%", .places = {"1", "2"}, .series = series};
  };
  EXPECT_THAT(draw(chart({{"ours", {half, none}, {}}})), Not(HasSubstr("published")));
  EXPECT_THAT(draw(chart({{"ours", {half, none}, {0.3, 0.4}}})), HasSubstr("published"));
  EXPECT_THROW(draw(chart({{"ours", {none, none}, {}}})), DataError);
  EXPECT_THROW(draw(chart({{"ours", {half}, {}}})), DataError);
  EXPECT_THROW(draw(chart({{"ours", {half, half}, {0.3}}})), DataError);
  EXPECT_THROW(draw(chart({})), DataError);
}

}  // namespace
}  // namespace archleak::sim
