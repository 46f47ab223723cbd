#include "sim/tables/table_render.h"

#include <gmock/gmock.h>

#include <cstdio>
#include <fstream>
#include <nlohmann/json.hpp>

#include "core/csv.h"
#include "core/file.h"
#include "sim/tables/image_strip.h"
#include "sim/tables/table_runner.h"
#include "sim/tables/table_show.h"
#include "tests/sim/tables/coin.h"
#include "tests/support/paths.h"
#include "tests/support/process.h"

namespace archleak::sim {
namespace {

using archleak::test::TemporaryFolder;
using testing::HasSubstr;
using testing::Not;

class TableRender : public testing::Test {
 protected:
  /// Runs a table with few trials, unless it says how many.
  TableResults run(TableRequest request) {
    if (!request.trials) request.trials = 3;
    const TablePlan plan = plan_table(request, {test::coin()});
    std::FILE* const nowhere = std::fopen("/dev/null", "w");
    run_table(plan, test::coin(), store_, {.progress = nowhere}, *test::CoinHabits().stop);
    std::fclose(nowhere);
    return collect_table(plan, store_);
  }

  /// The table with all its trials.
  static TableRequest whole() {
    TableRequest request = test::coin_request();
    request.trials = 40;
    return request;
  }

  /// What Python prints of the folder's files.
  std::string python(const std::string& program) {
    write_file_atomically(folder_ / "program.py", "import csv, json\n" + program);
    archleak::test::Process process({"/usr/bin/env", "-C", folder_.path(), "python3", "program.py"},
                                    folder_ / "output");
    EXPECT_EQ(process.wait(), 0) << process.output();
    return process.output();
  }

  TemporaryFolder folder_;
  ResultsStore store_{folder_ / "results.sqlite"};
};

TEST_F(TableRender, TextHasOursThePublishedAndEveryVerdict) {
  const std::string text = render_text(run(whole()));
  EXPECT_THAT(text, testing::StartsWith("coins: Coins by bias & side\nTable 7 of \"On Coins\"\n"));
  EXPECT_THAT(text, testing::ContainsRegex("side +bias = 0.2 +bias = 0.5 +bias = 0.8\n"));
  EXPECT_THAT(text, testing::ContainsRegex("heads up  Heads \\(%\\) +[0-9.]+ \\[[0-9.]+, [0-9.]+\\]"));
  EXPECT_THAT(text, testing::ContainsRegex("  published +21.0 +49.0 +80.5\n"));
  EXPECT_THAT(text, HasSubstr("holds      Heads rises with bias (heads up)"));
  EXPECT_THAT(text, HasSubstr("Scale small, 40 trials a cell, seed 1, experiment coin version 1. Brackets are 95 % "
                              "intervals: Wilson's for rates, Student's t for means."));
  EXPECT_THAT(text, HasSubstr("- Coins are fair unless told otherwise.\n"));
}

TEST_F(TableRender, AnUnfinishedTableSaysSoInEveryFormat) {
  const TableResults table = collect_table(plan_table(test::coin_request(), {test::coin()}), store_);
  for (const std::string& text :
       {render_text(table), render_markdown(table), render_html(table, store_), render_json(table)}) {
    EXPECT_THAT(text, HasSubstr("240 of 240 trials have not been run."));
    EXPECT_THAT(text, HasSubstr("undecided"));
  }
  EXPECT_THAT(render_text(table), HasSubstr("–"));
}

TEST_F(TableRender, PythonReadsTheCsvFiles) {
  TableRequest request = test::coin_request();
  request.trials = 6;
  request.overrides = {"coin.fails=true"};
  write_table(folder_.path(), run(request), store_);
  const std::string output = python(R"(
rows = list(csv.DictReader(open("table.csv", newline="")))
assert len(rows) == 12, len(rows)
assert rows[0]["bias"] == "0.2" and rows[0]["side"] == "heads up" and rows[0]["figure"] == "heads", rows[0]
assert float(rows[0]["low"]) <= float(rows[0]["value"]) < float(rows[0]["high"])
assert rows[0]["published"] == "21" and rows[2]["published"] == ""
assert rows[0]["done"] == "4" and rows[0]["failed"] == "2" and rows[0]["trials"] == "6"
trials = list(csv.DictReader(open("trials.csv", newline="")))
assert len(trials) == 36, len(trials)
assert {t["state"] for t in trials} == {"done", "failed"}
heads = [float(t["heads"]) for t in trials if t["bias"] == "0.2" and t["side"] == "heads up" and t["state"] == "done"]
assert abs(100 * sum(heads) / len(heads) - float(rows[0]["value"])) < 1e-9
assert all(t["weight"] == "" for t in trials if t["heads"] == "0")
assert all(t["error"] == "the coin rolled away" for t in trials if t["state"] == "failed")
table = json.load(open("table.json"))
assert table["cells"][0]["figures"][0]["published"] == 21 and table["failed"] == 12
print("read")
)");
  EXPECT_EQ(output, "read\n");
}

TEST_F(TableRender, FieldsOfAnyTextSurviveTheCsvFiles) {
  std::string document = test::coin_table_with("name = \"heads up\"", "name = \"a, \\\"b\\\"\\nc\"");
  document.replace(document.find("\"heads up\""), 10, "\"a, \\\"b\\\"\\nc\"");
  const TableResults table = collect_table(plan_table(test::coin_request(document), {test::coin()}), store_);
  write_file_atomically(folder_ / "table.csv", render_csv(table));
  EXPECT_EQ(python("print(len(list(csv.reader(open('table.csv', newline='')))), "
                   "sorted({r['side'] for r in csv.DictReader(open('table.csv', newline=''))}))"),
            "13 ['a, \"b\" c', 'tails up']\n");
}

TEST_F(TableRender, LatexEscapesWhatMeansSomething) {
  EXPECT_EQ(escape_latex("50 % of $x_1 & #2 {a}~^\\ <b> [c]"),
            "50 \\% of \\$x\\_1 \\& \\#2 \\{a\\}\\textasciitilde{}\\textasciicircum{}\\textbackslash{} "
            "\\textless{}b\\textgreater{} {[}c{]}");
  const std::string latex = render_latex(run(test::coin_request()));
  EXPECT_THAT(latex, HasSubstr("\\caption{Coins by bias \\& side. Scale small, 3 trials"));
  EXPECT_THAT(latex,
              HasSubstr("\\begin{tabular}{llrrr}\n\\toprule\nside &  & bias = 0.2 & bias = 0.5 & bias = 0.8 \\\\\n"));
  EXPECT_THAT(latex, HasSubstr("Heads (\\%)"));
  EXPECT_THAT(latex, HasSubstr(" & \\quad published & 21.0 & 49.0 & 80.5 \\\\\n"));
  EXPECT_THAT(latex, HasSubstr("\\bottomrule\n\\end{tabular}\n\\end{table}\n"));
}

TEST_F(TableRender, MarkdownHasAsManyFieldsInEveryRow) {
  const std::string text = render_markdown(run(test::coin_request()));
  std::istringstream lines(text.substr(text.find("\n|") + 1));
  for (std::string line; std::getline(lines, line) && !line.empty();) {
    EXPECT_EQ(std::count(line.begin(), line.end(), '|'), 6) << line;
  }
}

TEST_F(TableRender, HtmlEscapesTextsAndShowsImagesOfTheFirstTrials) {
  TableRequest request = test::coin_request(test::coin_table_with("title = \"Coins", "title = \"<script>Coins"));
  const std::string without = render_html(run(request), store_);
  EXPECT_THAT(without, HasSubstr("&lt;script&gt;Coins by bias &amp; side"));
  EXPECT_THAT(without, Not(HasSubstr("<script")));
  EXPECT_THAT(without, Not(HasSubstr("data:image/png")));
  request.overrides = {"coin.pictures=true"};
  const std::string with = render_html(run(request), store_);
  size_t images = 0;
  for (size_t at = with.find("data:image/png"); at != std::string::npos; at = with.find("data:image/png", at + 1))
    ++images;
  EXPECT_EQ(images, 6u);
  EXPECT_THAT(with, HasSubstr("original, reconstruction and difference"));
  EXPECT_THAT(with, HasSubstr("Set on the command line: coin.pictures=true"));
}

TEST_F(TableRender, AStripHasOriginalReconstructionAndDifferenceSideBySide) {
  const ImageTriple triple{{"original", 2, 1, 1, {0, 1}}, {"reconstruction", 2, 1, 1, {1, 0.8F}}};
  const data::Image strip = draw_strip({triple, triple});
  EXPECT_EQ(strip.width, 8);
  EXPECT_EQ(strip.height, 3);
  EXPECT_THAT(std::vector<uint8_t>(strip.pixels.begin(), strip.pixels.begin() + 8),
              testing::ElementsAre(0, 255, 255, 255, 204, 255, 255, 51));
}

TEST_F(TableRender, WithoutAxesInTheColumnsTheFiguresAreTheColumns) {
  TableRequest request = test::coin_request(
      test::coin_table_with("rows = [\"side\"]\ncolumns = [\"bias\"]", "rows = [\"side\", \"bias\"]\ncolumns = []"));
  const ShownTable shown = lay_out(run(request));
  EXPECT_THAT(shown.columns, testing::ElementsAre("Heads (%)", "weight"));
  ASSERT_EQ(shown.rows.size(), 6u);
  EXPECT_THAT(shown.rows[0].place, testing::ElementsAre("heads up", "0.2"));
  EXPECT_EQ(shown.rows[0].cells[0].published, "21.0");
}

}  // namespace
}  // namespace archleak::sim
