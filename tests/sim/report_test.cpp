#include "sim/report.h"

#include <gmock/gmock.h>
#include <stdlib.h>

#include <optional>

#include "core/error.h"
#include "core/file.h"
#include "sim/charts.h"
#include "sim/gnuplot.h"
#include "sim/html.h"
#include "sim/show_command.h"
#include "tests/support/paths.h"

namespace archleak::sim {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

/// Hides all programs, gnuplot with them, as long as it lives.
class EmptyPath {
 public:
  EmptyPath() : before_(getenv("PATH")) { setenv("PATH", "/nowhere", 1); }
  ~EmptyPath() { setenv("PATH", before_.c_str(), 1); }

 private:
  std::string before_;
};

class ReportTest : public testing::Test {
 protected:
  RunFacts facts(bool curve, const std::string& fidelity) {
    return {.name = "<script>demo",
            .workload = "search",
            .data = "digits",
            .rounds = 20,
            .clients = 2,
            .workers = 4,
            .protocol = "delta",
            .fidelity = fidelity,
            .transport = "tcp",
            .curve = curve};
  }

  void two_rounds() {
    for (int64_t round = 1; round <= 2; ++round) {
      run_.append_metrics({.round = round,
                           .test_accuracy = 0.5 + 0.1 * static_cast<double>(round),
                           .test_loss = 1.5,
                           .train_loss = 1.25,
                           .alpha_entropy = 2.0,
                           .train_s = 2,
                           .total_s = 3,
                           .bytes_up = 1500000,
                           .clients = 2,
                           .model_hash = "cafe0123456789"});
    }
    run_.write_clients({{"one & two", "<three>"}, {{5, 0}, {1, 7}}});
  }

  test::TemporaryFolder folder_;
  RunDirectory run_ = RunDirectory::create(folder_ / "run", false);
};

TEST_F(ReportTest, ARunThatHasNotBegunHasAReport) {
  EXPECT_THAT(render_report(run_), AllOf(HasSubstr("unfinished"), HasSubstr("has not come to its first round")));
}

TEST_F(ReportTest, ShowsFiguresFactsAndEvents) {
  run_.append_start(facts(false, "wire"));
  two_rounds();
  run_.append_event("worker_lost", {{"worker", "worker 2"}, {"reason", "no heartbeat <10 s>"}});
  run_.append_event("finished");
  write_file_atomically(run_.config(), "[search]\nprotocol = \"delta\"\n");
  const std::string page = render_report(run_);
  EXPECT_THAT(page, HasSubstr("class=\"state finished\""));
  EXPECT_THAT(page, HasSubstr("<b>70.0 %</b>"));
  EXPECT_THAT(page, HasSubstr("2 of 20"));
  EXPECT_THAT(page, HasSubstr("<b>3.00 MB</b>"));
  EXPECT_THAT(page, HasSubstr("whoever sits on the wire reads every message"));
  EXPECT_THAT(page, HasSubstr("each client's update is a message of its own"));
  EXPECT_THAT(page, HasSubstr("reason: no heartbeat &lt;10 s&gt;"));
  EXPECT_THAT(page, HasSubstr("cafe0123456789"));
  EXPECT_THAT(page, HasSubstr("protocol = &quot;delta&quot;"));
}

TEST_F(ReportTest, SaysWhatCurveAndFusedSumsHide) {
  run_.append_start(facts(true, "fused"));
  EXPECT_THAT(render_report(run_), AllOf(HasSubstr("a capture holds ciphertext"), HasSubstr("sums only"),
                                         Not(HasSubstr("reads every message"))));
}

TEST_F(ReportTest, NothingInThePageIsLoadedFromElsewhereOrRuns) {
  run_.append_start(facts(false, "wire"));
  two_rounds();
  write_file_atomically(run_.genotype_drawing(), "<svg xmlns='http://www.w3.org/2000/svg'><script>1</script></svg>");
  const std::string page = render_report(run_);
  EXPECT_THAT(page, HasSubstr("data:image/svg+xml;base64,"));
  EXPECT_THAT(page, HasSubstr("one &amp; two"));
  EXPECT_THAT(page, Not(HasSubstr("<script")));
  EXPECT_THAT(page, Not(HasSubstr("<three>")));
  EXPECT_THAT(page, Not(HasSubstr("src=\"http")));
  EXPECT_THAT(page, Not(HasSubstr("href=\"http")));
}

TEST_F(ReportTest, HasAChartForEachMeasure) {
  run_.append_start(facts(false, "wire"));
  two_rounds();
  const std::string page = render_report(run_);
  size_t charts = 0;
  for (size_t at = 0; (at = page.find("<svg", at)) != std::string::npos; ++at) ++charts;
  EXPECT_EQ(charts, 6u);
}

TEST_F(ReportTest, WithoutGnuplotItSaysSoAndKeepsTheTables) {
  run_.append_start(facts(false, "wire"));
  two_rounds();
  const EmptyPath hidden;
  EXPECT_THAT(render_report(run_),
              AllOf(HasSubstr("install gnuplot-nox"), HasSubstr("Round by round"), Not(HasSubstr("<svg"))));
}

TEST_F(ReportTest, TheLastStateCounts) {
  run_.append_start(facts(false, "wire"));
  run_.append_event("interrupted");
  EXPECT_THAT(render_report(run_), HasSubstr("class=\"state interrupted\""));
  run_.append_start(facts(false, "wire"));
  EXPECT_THAT(render_report(run_), HasSubstr("class=\"state unfinished\""));
}

TEST_F(ReportTest, TheCommandsFindTheirWayFromTheCommandLine) {
  two_rounds();
  write_file_atomically(run_.genotype(), R"({"normal": [["sep_conv_3x3", 0], ["skip_connect", 1]], "normal_concat": [2],
                                             "reduce": [["max_pool_3x3", 1], ["dil_conv_5x5", 0]],
                                             "reduce_concat": [2]})");
  CLI::App app;
  add_report_command(app);
  add_search_command(app);
  testing::internal::CaptureStdout();
  app.parse("report " + run_.path().string());
  EXPECT_EQ(testing::internal::GetCapturedStdout(), run_.report().string() + "\n");
  EXPECT_THAT(read_file(run_.report()), HasSubstr("</html>"));

  testing::internal::CaptureStdout();
  app.clear();
  app.parse("search show " + run_.path().string());
  EXPECT_THAT(testing::internal::GetCapturedStdout(),
              AllOf(HasSubstr("accuracy   70.0 % after round 2"), HasSubstr("model      cafe0123456789"),
                    HasSubstr("node 2: max_pool_3x3 from 1, dil_conv_5x5 from 0"), HasSubstr("report.html")));
  EXPECT_THROW(app.parse("report /nowhere"), DataError);
}

TEST_F(ReportTest, ABadGenotypeIsADataError) {
  for (const char* bad :
       {"", "{", "[]", "{\"normal\": 3, \"reduce\": []}", "{\"normal\": [[1, 2], [3]], \"reduce\": []}"}) {
    write_file_atomically(run_.genotype(), bad);
    EXPECT_THROW(describe_run(run_), DataError) << bad;
  }
}

ClassChart class_chart(size_t clients, size_t classes) {
  ClassChart chart{"classes", std::vector<std::string>(classes, "c"), {}};
  for (size_t k = 0; k < clients; ++k) {
    chart.counts.emplace_back(classes, 0);
    chart.counts.back()[k % classes] = 10;
  }
  return chart;
}

TEST(Charts, ClassesAreBarsForFewClientsAndAMapForMany) {
  EXPECT_THAT(draw(class_chart(2, 10)), Not(HasSubstr("<image")));
  EXPECT_THAT(draw(class_chart(41, 10)), HasSubstr("<image"));
  EXPECT_THAT(draw(class_chart(16, 100)), HasSubstr("<image"));
  EXPECT_LT(draw(class_chart(1000, 100)).size(), 300000u);
}

TEST(Charts, NothingToDrawIsADataError) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  EXPECT_THROW(draw(LineChart{.x = {}, .series = {{"a", {}}}}), DataError);
  EXPECT_THROW(draw(LineChart{.x = {1, 2}, .series = {}}), DataError);
  EXPECT_THROW(draw(LineChart{.x = {1, 2}, .series = {{"a", {nan, nan}}}}), DataError);
  EXPECT_THROW(draw(LineChart{.x = {1, 2}, .series = {{"a", {1}}}}), DataError);
  EXPECT_THROW(draw(StackedChart{.x = {1, 2}, .layers = {{"a", {1}}}}), DataError);
  EXPECT_THROW(draw(ClassChart{}), DataError);
  EXPECT_THROW(draw(ClassChart{"t", {"a", "b"}, {{1}}}), DataError);
}

TEST(Charts, FlatAndSingleValuesAreDrawn) {
  EXPECT_THAT(draw(LineChart{.title = "t <1>", .x = {1}, .series = {{"a", {0}}}, .from_zero = true}),
              AllOf(HasSubstr("<title>t &lt;1&gt;</title>"), HasSubstr("</svg>")));
  EXPECT_THAT(draw(StackedChart{.x = {1}, .layers = {{"a", {0}}}}), HasSubstr("</svg>"));
}

TEST(Charts, NamesAreTextAndNeverCommands) {
  test::TemporaryFolder folder;
  const std::string evil = "'`touch " + (folder / "made").string() + "` @x $y\nset output\n";
  const std::string svg = draw(LineChart{.x_label = evil, .x = {1, 2}, .series = {{evil, {1, 2}}, {"<b>", {2, 1}}}});
  EXPECT_FALSE(std::filesystem::exists(folder / "made"));
  EXPECT_THAT(svg, AllOf(HasSubstr("`touch"), HasSubstr("&lt;b>")));
}

TEST(Charts, AFailingScriptSaysWhatGnuplotSaid) {
  try {
    run_gnuplot("set terminal svg\nplot nonsense(x)\n");
    FAIL() << "expected an error";
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("undefined function: nonsense"));
  }
}

TEST(Html, BytesHaveThreeDigits) {
  EXPECT_EQ(format_bytes(0), "0 B");
  EXPECT_EQ(format_bytes(999), "999 B");
  EXPECT_EQ(format_bytes(1000), "1.00 kB");
  EXPECT_EQ(format_bytes(999600), "1.00 MB");
  EXPECT_EQ(format_bytes(15.04e9), "15.0 GB");
  EXPECT_EQ(format_bytes(3e15), "3000 TB");
}

}  // namespace
}  // namespace archleak::sim
