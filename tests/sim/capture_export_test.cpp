#include "sim/capture_export.h"

#include <gmock/gmock.h>

#include <cstring>
#include <sstream>

#include "core/csv.h"
#include "core/error.h"
#include "core/file.h"
#include "sim/capture_command.h"
#include "tests/support/paths.h"
#include "tests/wire/zmtp_stream.h"
#include "wire/capture_writer.h"

namespace archleak::sim {
namespace {

using testing::HasSubstr;
using wire::Direction;
using wire::Payload;

Payload floats(std::vector<float> values) {
  return Payload::own(std::move(values));
}

/// A capture with one round: the same model twice, two updates of one client, one partial sum.
std::filesystem::path record(const archleak::test::TemporaryFolder& folder) {
  const auto file = folder / "run.alcap";
  const wire::Model model{.round = 2, .values = floats({1, 2, 3, 4, 5, 6})};
  const wire::Outcome outcome{.round = 2, .client = 5, .weight = 20, .update = floats({7, 8, 9, 10, 11})};
  const wire::PartialSum sum{
      .round = 2, .tasks = {1, 2}, .scale_bits = 32, .sums = Payload::own(std::vector<int64_t>{3})};
  wire::CaptureWriter writer(file, {.source = "tap"});
  writer.open(1, "ipc", 1);
  writer.data(1, Direction::down, 0, wire::test::zmtp_stream("", {model, model, wire::Flush{.round = 2}}), 2);
  writer.data(1, Direction::up, 0,
              wire::test::zmtp_stream("worker\n1", {outcome, outcome, sum, wire::Failure{.reason = "a, b\x1b"}}), 3);
  return file;
}

/// Weights of two tensors, and alpha; buffers are in the model alone.
CaptureLayout layout() {
  return {.protocol = {},
          .model = {.weights = 3, .alpha = 2, .buffers = 1},
          .update = {.weights = 3, .alpha = 2, .buffers = 0},
          .tensors = {{.name = "a", .segment = "weights", .shape = {2, 1}, .offset = 0, .size = 2},
                      {.name = "b", .segment = "weights", .shape = {1}, .offset = 2, .size = 1},
                      {.name = "alphas", .segment = "alpha", .shape = {2}, .offset = 0, .size = 2},
                      {.name = "mean", .segment = "buffers", .shape = {1}, .offset = 0, .size = 1}}};
}

/// The float32 values at the end of a NumPy file.
std::vector<float> load(const std::filesystem::path& file, size_t count) {
  const std::string content = read_file(file);
  std::vector<float> values(count);
  std::memcpy(values.data(), content.data() + content.size() - count * sizeof(float), count * sizeof(float));
  return values;
}

class CaptureExportTest : public testing::Test {
 protected:
  archleak::test::TemporaryFolder folder_;
  const std::filesystem::path file_ = record(folder_);
  const std::filesystem::path out_ = folder_ / "out";
};

TEST_F(CaptureExportTest, SegmentsAreCutAtTheLayoutsPlaces) {
  const ExportCounts counts = export_capture(attacks::Observation(file_), layout(), ExportSplit::segment, out_);
  EXPECT_EQ(counts.models, 1);
  EXPECT_EQ(counts.updates, 2);
  EXPECT_EQ(counts.sums, 1);
  EXPECT_EQ(counts.files, 3 + 2 * 2 + 1);
  EXPECT_EQ(counts.whole, 0);
  EXPECT_THAT(load(out_ / "round-0002/model.weights.npy", 3), testing::ElementsAre(1, 2, 3));
  EXPECT_THAT(load(out_ / "round-0002/model.buffers.npy", 1), testing::ElementsAre(6));
  EXPECT_THAT(load(out_ / "round-0002/client-0005.alpha.npy", 2), testing::ElementsAre(10, 11));
  EXPECT_TRUE(std::filesystem::exists(out_ / "round-0002/client-0005-2.alpha.npy"));
  EXPECT_TRUE(std::filesystem::exists(out_ / "round-0002/sum.npy"));
  const std::string index = read_file(out_ / "index.csv");
  EXPECT_THAT(index, HasSubstr("round-0002/client-0005.alpha.npy,2,update,5,worker?1,0,0,20,alpha,,2\n"));
}

TEST_F(CaptureExportTest, TensorsHaveTheirNamesAndShapes) {
  export_capture(attacks::Observation(file_), layout(), ExportSplit::tensor, out_);
  EXPECT_THAT(load(out_ / "round-0002/client-0005.weights.b.npy", 1), testing::ElementsAre(9));
  EXPECT_THAT(read_file(out_ / "index.csv"), HasSubstr(",weights,a,2x1\n"));
}

TEST_F(CaptureExportTest, WithoutALayoutAMessageIsOneVector) {
  export_capture(attacks::Observation(file_), std::nullopt, ExportSplit::segment, out_);
  EXPECT_THAT(load(out_ / "round-0002/client-0005.npy", 5), testing::ElementsAre(7, 8, 9, 10, 11));
}

TEST_F(CaptureExportTest, AMessageOfAnotherSizeThanTheLayoutsIsNotSplit) {
  CaptureLayout other = layout();
  other.update.weights = 4;
  const ExportCounts counts = export_capture(attacks::Observation(file_), other, ExportSplit::segment, out_);
  EXPECT_EQ(counts.whole, 2);
  EXPECT_TRUE(std::filesystem::exists(out_ / "round-0002/client-0005.npy"));
}

TEST_F(CaptureExportTest, MaskedUpdatesAreIntegersAndNeverSplit) {
  const auto file = folder_ / "masked.alcap";
  {
    const wire::Outcome masked{.round = 2,
                               .client = 5,
                               .weight = 20,
                               .masked = true,
                               .update = Payload::own(std::vector<int64_t>{1, 2, 3, 4, 5})};
    wire::CaptureWriter writer(file, {.source = "tap"});
    writer.open(1, "ipc", 1);
    writer.data(1, Direction::up, 0, wire::test::zmtp_stream("worker 1", {masked}), 2);
  }
  const ExportCounts counts = export_capture(attacks::Observation(file), layout(), ExportSplit::tensor, out_);
  EXPECT_EQ(counts.masked, 1);
  EXPECT_EQ(counts.updates, 0);
  EXPECT_EQ(counts.files, 1);
  EXPECT_THAT(read_file(out_ / "index.csv"), HasSubstr("round-0002/masked-0005.npy,2,masked,5,worker 1,0,0,20,,,5\n"));
}

TEST_F(CaptureExportTest, AFolderWithSomethingInItIsLeftAlone) {
  EXPECT_THROW(export_capture(attacks::Observation(file_), std::nullopt, ExportSplit::message, folder_.path()),
               ConfigError);
}

TEST_F(CaptureExportTest, ShowListsMessagesAndWhatCameFromOutsideCannotBreakTheTable) {
  CLI::App app;
  add_capture_command(app);
  testing::internal::CaptureStdout();
  app.parse("capture show --csv " + file_.string());
  const std::string text = testing::internal::GetCapturedStdout();
  EXPECT_THAT(text, HasSubstr(",1,1,worker?1,up,outcome,2,5,"));
  EXPECT_THAT(text, HasSubstr("\"a, b?\""));
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) EXPECT_EQ(split_csv_row(line, "show").size(), 10u) << line;
}

}  // namespace
}  // namespace archleak::sim
