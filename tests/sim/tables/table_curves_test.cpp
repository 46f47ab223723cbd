#include "sim/tables/table_curves.h"

#include <gmock/gmock.h>

#include <cstdio>

#include "sim/tables/table_runner.h"
#include "tests/sim/tables/coin.h"
#include "tests/support/paths.h"

namespace archleak::sim {
namespace {

using testing::HasSubstr;

constexpr const char* kCurves = R"(
[[curves]]
title = "By weight"
figure = "weight"
thresholds = [-100, 2.5, 3, 3.5, 100]
[[curves]]
title = "Heads"
figure = "heads"
thresholds = [0, 0.5]
also = { weight = 100 }
)";

class TableCurves : public testing::Test {
 protected:
  TableResults results(const std::string& document) {
    TableRequest request = test::coin_request(document);
    request.trials = 30;
    const TablePlan plan = plan_table(request, {test::coin()});
    ResultsStore store(folder_ / "results.sqlite");
    std::FILE* const nowhere = std::fopen("/dev/null", "w");
    const std::atomic<bool> stop{false};
    run_table(plan, test::coin(), store, {.jobs = 1, .progress = nowhere}, stop);
    std::fclose(nowhere);
    return collect_table(plan, store);
  }

  std::string error_of(const std::string& document) {
    try {
      plan_table(test::coin_request(document), {test::coin()});
    } catch (const ConfigError& error) {
      return error.what();
    }
    return "no error";
  }

  archleak::test::TemporaryFolder folder_;
};

TEST_F(TableCurves, FallAsTheThresholdRisesAmongTheTrialsThatMeasured) {
  const TableResults table = results(test::kCoinTable + kCurves);
  const auto curves = threshold_curves(table, table.plan.spec.curves[0]);
  ASSERT_EQ(curves.size(), table.cells.size());
  for (const CellCurve& curve : curves) {
    const Estimate& heads = table.cells[curve.cell].figures[0].estimate;
    EXPECT_EQ(curve.rates.front().count, std::lround(heads.value / 100 * 30)) << "tails have no weight";
    EXPECT_EQ(curve.rates.front().value, 1);
    EXPECT_EQ(curve.rates.back().value, 0);
    for (size_t i = 1; i < curve.rates.size(); ++i) EXPECT_LE(curve.rates[i].value, curve.rates[i - 1].value);
  }
}

TEST_F(TableCurves, HoldATrialToTheLeastValueOfAnotherFigureThatItMeasured) {
  const TableResults table = results(test::kCoinTable + kCurves);
  for (const CellCurve& curve : threshold_curves(table, table.plan.spec.curves[1])) {
    const double heads = table.cells[curve.cell].figures[0].estimate.value / 100;
    EXPECT_NEAR(curve.rates[0].value, 1 - heads, 1e-12) << "no head weighs 100, and tails have no weight";
    EXPECT_EQ(curve.rates[1].value, 0);
  }
}

TEST_F(TableCurves, AreWrittenAndDrawn) {
  const TableResults table = results(test::kCoinTable + kCurves);
  const std::string csv = render_curves_csv(table);
  EXPECT_THAT(csv, testing::StartsWith("curve,bias,side,figure,threshold,rate,low,high,count\n"));
  EXPECT_EQ(std::count(csv.begin(), csv.end(), '\n'), 1 + 6 * (5 + 2));
  EXPECT_THAT(curves_section(table), HasSubstr("<svg"));
  EXPECT_EQ(curves_section(results(test::kCoinTable)), "");
}

TEST_F(TableCurves, ThatCannotBeDrawnAreErrors) {
  const auto with = [](const std::string& curve) { return test::kCoinTable + "\n[[curves]]\ntitle = \"x\"\n" + curve; };
  EXPECT_THAT(error_of(with("figure = \"weight\"\nthresholds = [2, 1]\n")), HasSubstr("rising"));
  EXPECT_THAT(error_of(with("figure = \"weight\"\nthresholds = []\n")), HasSubstr("list of numbers"));
  EXPECT_THAT(error_of(with("figure = \"weight\"\nthresholds = [\"a\"]\n")), HasSubstr("list of numbers"));
  EXPECT_THAT(error_of(with("figure = \"height\"\nthresholds = [1]\n")), HasSubstr("'weight'"));
  EXPECT_THAT(error_of(with("figure = \"weight\"\nthresholds = [1]\nalso = { haeds = 1 }\n")), HasSubstr("'heads'"));
}

}  // namespace
}  // namespace archleak::sim
